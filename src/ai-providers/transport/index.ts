export {
  type CustomBaseUrlMode,
  OutboundPolicy,
  type OutboundPolicyOptions,
  type ResolveAddresses,
} from '../../outbound';
export { type TransportCall, type TransportFetchOptions } from './open-call';
export {
  ProviderTransport,
  type ProviderTransportOptions,
  type TransportLimits,
} from './provider-transport';
