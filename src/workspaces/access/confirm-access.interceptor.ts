import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { catchError, defer, type Observable, switchMap, throwError } from 'rxjs';
import { AppError, type ErrorCode } from '../../common';
import { OutdatedAssumption } from './assumed-access';
import type { AuthenticatedRequest } from './principal';
import { RequestAccess } from './request-access';

/** What tells nothing of a workspace, and may have kept the caller waiting for a database that would not say who it is. */
const FOR_ANYBODY: readonly ErrorCode[] = ['ledger_unavailable', 'not_ready'];

/** Sees to it that nobody is told anything of a workspace, refusals included, before it is sure who they are. */
@Injectable()
export class ConfirmAccess implements NestInterceptor {
  constructor(private readonly access: RequestAccess) {}

  intercept(context: ExecutionContext, next: CallHandler<unknown>): Observable<unknown> {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const confirmed = (error: unknown) =>
      defer(() => this.access.confirm(request)).pipe(
        switchMap(() =>
          error instanceof OutdatedAssumption ? next.handle() : throwError(() => error),
        ),
      );
    return next.handle().pipe(
      catchError((error: unknown) => {
        const isForAnybody = error instanceof AppError && FOR_ANYBODY.includes(error.code);
        return isForAnybody ? throwError(() => error) : confirmed(error);
      }),
    );
  }
}
