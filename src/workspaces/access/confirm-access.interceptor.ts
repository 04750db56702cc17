import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { catchError, defer, type Observable, switchMap, throwError } from 'rxjs';
import { OutdatedAssumption } from './assumed-access';
import type { AuthenticatedRequest } from './principal';
import { RequestAccess } from './request-access';

/** Sees to it that nobody is refused anything, or told why, before it is sure who they are. */
@Injectable()
export class ConfirmAccess implements NestInterceptor {
  constructor(private readonly access: RequestAccess) {}

  intercept(context: ExecutionContext, next: CallHandler<unknown>): Observable<unknown> {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    return next
      .handle()
      .pipe(
        catchError((error: unknown) =>
          defer(() => this.access.confirm(request)).pipe(
            switchMap(() =>
              error instanceof OutdatedAssumption ? next.handle() : throwError(() => error),
            ),
          ),
        ),
      );
  }
}
