import { type ExecutionResponse, executionsControllerRun } from '../client';
import type { ExecutionRequest } from '../elements/curl';
import { noteAnswer, REQUEST_HEADERS } from './api';
import { readEvents } from './event-stream';
import { Problem, toProblem } from './problem';

/** A piece of an answer under way. */
export type Delta =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'tool_call'; readonly name?: string; readonly arguments?: string };

export interface RunOptions {
  /** Called with the id of the execution as soon as it is recorded; from then on it can be cancelled. */
  readonly onStart?: (executionId: string) => void;
  readonly onDelta?: (delta: Delta) => void;
  readonly signal?: AbortSignal;
}

/**
 * Runs an execution and hands over its answer as it comes.
 * @throws {Problem} with the id of the execution, when one was recorded.
 */
export async function runExecution(
  workspaceId: string,
  request: ExecutionRequest,
  { onStart, onDelta, signal }: RunOptions = {},
): Promise<ExecutionResponse> {
  const response = await post(workspaceId, { ...request, stream: true }, signal);
  noteAnswer(response);
  if (!response.ok || response.body === null) {
    throw toProblem(await response.json().catch(() => ({})), response);
  }
  const executionId = response.headers.get('location')?.split('/').at(-1);
  if (executionId !== undefined) onStart?.(executionId);
  return follow(response.body, onDelta);
}

/** Has an execution run whether or not anybody waits for it. Returns it as it is before it starts. */
export async function queueExecution(
  workspaceId: string,
  request: ExecutionRequest,
): Promise<ExecutionResponse> {
  const { data } = await executionsControllerRun({
    path: { workspaceId },
    headers: { Prefer: 'respond-async' },
    body: { ...request, stream: false } as never,
  });
  return data;
}

async function post(
  workspaceId: string,
  body: ExecutionRequest,
  signal: AbortSignal | undefined,
): Promise<Response> {
  try {
    return await fetch(`/api/workspaces/${workspaceId}/executions`, {
      method: 'POST',
      headers: { ...REQUEST_HEADERS, accept: 'text/event-stream' },
      body: JSON.stringify(body),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    throw toProblem(error);
  }
}

/** Until `done` or `error`; a stream that ends without either was cut, and its end is in the ledger. */
async function follow(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  onDelta: RunOptions['onDelta'],
): Promise<ExecutionResponse> {
  try {
    for await (const { event, data } of readEvents(body)) {
      const value: unknown = JSON.parse(data);
      if (event === 'delta') onDelta?.(value as Delta);
      if (event === 'done') return value as ExecutionResponse;
      if (event === 'error') throw new Problem(value as object);
    }
  } catch (error) {
    if (error instanceof Problem) throw error;
  }
  throw new Problem({
    title: 'The connection broke',
    detail: 'The execution goes on without this page. Its end is in the list of executions.',
  });
}
