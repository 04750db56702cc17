import type { Billed } from '../../ai-providers';
import { AppError } from '../../common';
import type { SettlementRow } from './ledger-rows';

const WHAT_IT_COST: Readonly<Record<Billed, string>> = {
  yes: 'The call was made and billed',
  partial: 'The call was made and billed in part',
  unknown: 'The call was made and may have been billed',
  no: 'The execution has run and its last call was not billed',
};

type Unrecorded = Pick<SettlementRow, 'execution_id' | 'workspace_id' | 'billed'>;

/** Neither ledger nor journal took the end. It is told to the ledger later, so nobody is asked to repeat anything. */
export function notRecordedYet(row: Unrecorded, cause: unknown): AppError {
  const { execution_id: executionId, billed } = row;
  const detail = `${WHAT_IT_COST[billed]}, but how it ended cannot be recorded yet. Do not repeat it: read the execution.`;
  return new AppError('ledger_unavailable', detail, {
    ...whereToRead(row),
    extensions: { executionId, billed },
    cause,
  });
}

/** The database refuses every end of it, however little is in it: a fault of ours, which no repetition mends. */
export function refusedForGood(row: Unrecorded, cause: unknown): AppError {
  const { execution_id: executionId, billed } = row;
  const detail = `${WHAT_IT_COST[billed]}, but the database refuses to record how it ended. Do not repeat it: read the execution, and report the requestId to the operator.`;
  return new AppError('internal', detail, {
    ...whereToRead(row),
    extensions: { executionId, category: 'internal', retryable: false, billed },
    cause,
  });
}

function whereToRead({ workspace_id: workspaceId, execution_id: id }: Unrecorded) {
  return { headers: { Location: `/api/workspaces/${workspaceId}/executions/${id}` } };
}
