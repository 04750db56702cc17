import type { ExecutionDetailResponse } from '../../client';
import type { ExecutionRequest } from '../../elements/curl';

/** The request that asks the same again, by any key of the provider; null: what was asked is not stored. */
export function requestOf(execution: ExecutionDetailResponse): ExecutionRequest | null {
  const { agentId, provider, model, request, metadata } = execution;
  if (request === null || !Array.isArray(request.messages)) return null;
  return {
    ...request,
    ...{ agentId, provider, model },
    messages: request.messages as ExecutionRequest['messages'],
    ...(metadata === null ? {} : { metadata }),
  };
}
