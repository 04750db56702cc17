export { type ResolveAddresses } from './guarded-connect';
export { type TransportCall, type TransportFetchOptions } from './open-call';
export {
  type CustomBaseUrlMode,
  OutboundPolicy,
  type OutboundPolicyOptions,
} from './outbound-policy';
export {
  ProviderTransport,
  type ProviderTransportOptions,
  type TransportLimits,
} from './provider-transport';
