import { type ArgumentsHost, Catch, type ExceptionFilter, NotFoundException } from '@nestjs/common';
import { isUUID } from 'class-validator';
import type { Request, Response } from 'express';
import { AppError, ProblemFilter } from '../../common';
import { RequestAuthenticator } from './request-authenticator';

/** What Express keeps of a route. */
interface Layer {
  readonly route?: { readonly path: string; readonly methods: Readonly<Record<string, boolean>> };
  match(path: string): boolean;
}

/**
 * Answers a request that no route takes: 405 with `Allow` if its path has other methods, to who may see what is
 * there. To everybody else the path does not exist.
 */
@Catch(NotFoundException)
export class WrongMethodFilter implements ExceptionFilter {
  private readonly problems = new ProblemFilter();

  constructor(private readonly authenticator: RequestAuthenticator) {}

  async catch(_error: unknown, host: ArgumentsHost): Promise<void> {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    let answer: unknown;
    try {
      answer = await this.judge(request, response);
    } catch (error) {
      answer = error;
    }
    this.problems.catch(answer, host);
  }

  private async judge(request: Request, response: Response): Promise<AppError> {
    const layers = routesOf(request).filter((layer) => layer.match(pathOf(request)));
    const methods = new Set(layers.flatMap(({ route }) => Object.keys(route?.methods ?? {})));
    if (methods.size === 0 || !(await this.isVisible(request, layers))) {
      return new AppError('not_found');
    }
    if (methods.has('get')) methods.add('head');
    response.setHeader('Allow', [...methods].map((method) => method.toUpperCase()).join(', '));
    return new AppError('method_not_allowed');
  }

  private async isVisible(request: Request, layers: readonly Layer[]): Promise<boolean> {
    const isOfWorkspace = layers.some(({ route }) => route?.path.includes(':workspaceId') === true);
    const [, workspaceId = ''] = /\/workspaces\/([^/]+)/.exec(pathOf(request)) ?? [];
    if (isOfWorkspace && !isUUID(workspaceId)) return false;
    try {
      const caller = await this.authenticator.authenticate(
        request,
        isOfWorkspace ? workspaceId.toLowerCase() : null,
      );
      return caller.role !== null;
    } catch (error) {
      if (error instanceof AppError && error.code === 'unauthenticated') return false;
      throw error;
    }
  }
}

/** The whole path: Nest's handler of what is not found sits below the prefix of the API. */
function pathOf(request: Request): string {
  return request.baseUrl + request.path;
}

/** Middleware of Nest is mounted as a route of every method. */
function routesOf(request: Request): Layer[] {
  const { router } = request.app as unknown as { router: { stack: readonly Layer[] } };
  return router.stack.filter(({ route }) => Object.keys(route?.methods ?? {}).length === 1);
}
