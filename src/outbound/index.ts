export { guardedAgent, type GuardedAgentOptions } from './guarded-agent';
export { type ResolveAddresses } from './guarded-connect';
export { OutboundModule } from './outbound.module';
export {
  type CustomBaseUrlMode,
  OutboundPolicy,
  type OutboundPolicyOptions,
} from './outbound-policy';
export { type AnswerHeaders, readRetryAfterMs, RETRY_AFTER_MS_MAX } from './retry-after';
