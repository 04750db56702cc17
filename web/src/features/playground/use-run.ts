import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { type ExecutionResponse, executionProgressControllerCancel } from '../../client';
import { useWorkspaceId } from '../../app/workspace';
import type { ExecutionRequest } from '../../elements/curl';
import { useAction } from '../../elements/use-action';
import { type Delta, runExecution } from '../../http/run-execution';

export interface RunState {
  readonly text: string;
  readonly calls: string;
  readonly execution: ExecutionResponse | null;
}

const NOTHING: RunState = { text: '', calls: '', execution: null };

/** One run at a time: its answer as it comes, its end, and the way to stop it. */
export function useRun() {
  const workspaceId = useWorkspaceId();
  const queries = useQueryClient();
  const [state, setState] = useState<RunState>(NOTHING);
  const abort = useRef<AbortController | null>(null);
  const executionId = useRef<string | null>(null);
  const run = useAction(async (request: ExecutionRequest) => {
    setState(NOTHING);
    executionId.current = null;
    abort.current = new AbortController();
    const execution = await runExecution(workspaceId, request, {
      signal: abort.current.signal,
      onStart: (id) => {
        executionId.current = id;
      },
      onDelta: (delta) => {
        setState((current) => append(current, delta));
      },
    });
    queries.setQueryData(['execution-request', execution.id], request);
    setState((current) => ({ ...current, execution }));
    await queries.invalidateQueries({ queryKey: ['usage'] });
  });
  // Whoever leaves the page does not wait any more; what is paid is recorded all the same.
  useEffect(() => () => abort.current?.abort(), []);
  const stop = useAction(async () => {
    if (executionId.current === null) abort.current?.abort();
    else {
      const path = { workspaceId, executionId: executionId.current };
      await executionProgressControllerCancel({ path });
    }
  });
  return { state, run, stop };
}

function append(state: RunState, delta: Delta): RunState {
  if (delta.type === 'text') return { ...state, text: state.text + delta.text };
  return { ...state, calls: state.calls + (delta.name ?? '') + (delta.arguments ?? '') };
}
