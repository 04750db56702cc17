import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  Optional,
} from '@nestjs/common';
import { defer, from, lastValueFrom, type Observable } from 'rxjs';
import { type ProviderCall, RETRY_DEPENDENCIES, type RetryDependencies } from './provider-call';
import { retryWithBackoff } from './retry-with-backoff';

/**
 * Retries the handler it is bound to, by the policy of the {@link ProviderCall} that is the handler's
 * first argument. Only for a handler that does nothing but call a provider.
 */
@Injectable()
export class RetryInterceptor implements NestInterceptor {
  constructor(
    @Optional()
    @Inject(RETRY_DEPENDENCIES)
    private readonly dependencies?: RetryDependencies,
  ) {}

  /** @throws {Error} on an HTTP route. */
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() === 'http') {
      throw new Error(
        'RetryInterceptor must not be bound to a route: next.handle() runs the whole handler again, so a ' +
          'retry would repeat its writes. Bind it to a handler that only calls a provider.',
      );
    }
    const { retry } = context.getArgByIndex<ProviderCall>(0);
    const attempt = () => lastValueFrom<unknown>(next.handle());
    return defer(() => from(retryWithBackoff(attempt, retry, this.dependencies)));
  }
}
