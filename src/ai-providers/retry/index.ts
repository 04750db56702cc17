export {
  PROVIDER_CALL_CONTEXT,
  type ProviderCall,
  RETRY_DEPENDENCIES,
  type RetryDependencies,
} from './provider-call';
export { ProviderCalls } from './provider-calls';
export {
  type AttemptFailure,
  backoffMs,
  type RetryPolicy,
  retryWithBackoff,
} from './retry-with-backoff';
export { RetryInterceptor } from './retry.interceptor';
