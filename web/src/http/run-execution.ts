import { type ExecutionResponse, executionsControllerRun } from '../client';
import { client } from '../client/client.gen';
import type { ExecutionRequest } from '../elements/curl';
import { noteAnswer, REQUEST_HEADERS } from './api';
import { readEvents } from './event-stream';
import { Problem, toProblem } from './problem';

/** A piece of an answer under way. */
export type Delta =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'tool_call'; readonly name?: string; readonly arguments?: string };

export interface RunOptions {
  /** Called with the id of the execution, as soon as a server that streams says it. */
  readonly onStart?: (executionId: string) => void;
  readonly onDelta?: (delta: Delta) => void;
  readonly signal?: AbortSignal;
}

/**
 * Runs an execution and hands over its answer as it comes. A server that does not stream runs it to its end.
 * @throws {Problem} with the id of the execution, when one was recorded.
 */
export async function runExecution(
  workspaceId: string,
  request: ExecutionRequest,
  { onStart, onDelta, signal }: RunOptions = {},
): Promise<ExecutionResponse> {
  if (request.stream === false) return runToTheEnd(workspaceId, request, signal);
  const response = await post(workspaceId, { ...request, stream: true }, signal);
  noteAnswer(response);
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  if (response.ok && isStream && response.body !== null) {
    const executionId = response.headers.get('location')?.split('/').at(-1);
    if (executionId !== undefined) onStart?.(executionId);
    return follow(response.body, onDelta);
  }
  const answer: unknown = await response.json().catch(() => ({}));
  if (response.ok) return answer as ExecutionResponse;
  const problem = toProblem(answer, response);
  const isNotStreaming = problem.status === 422 && /streaming/i.test(problem.message);
  if (!isNotStreaming) throw problem;
  return runToTheEnd(workspaceId, request, signal);
}

/** Asks for the end of an execution; what is paid is recorded all the same. */
export async function cancelExecution(workspaceId: string, executionId: string): Promise<void> {
  await client.post({
    url: '/api/workspaces/{workspaceId}/executions/{executionId}/cancel',
    path: { workspaceId, executionId },
    body: {},
  });
}

async function runToTheEnd(
  workspaceId: string,
  request: ExecutionRequest,
  signal: AbortSignal | undefined,
): Promise<ExecutionResponse> {
  const { data } = await executionsControllerRun({
    path: { workspaceId },
    body: { ...request, stream: false } as never,
    ...(signal === undefined ? {} : { signal }),
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
