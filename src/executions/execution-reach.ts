import { AppError } from '../common';
import type { Principal } from '../workspaces';
import type { ExecutionQueries } from './ledger/execution-queries';
import type { ExecutionRecord } from './ledger/execution-record';

/**
 * The execution, if the token may see it.
 * @throws {AppError} `not_found`, also when the token is bound to another agent.
 */
export async function findInReach(
  queries: ExecutionQueries,
  principal: Principal,
  executionId: string,
): Promise<ExecutionRecord> {
  const record = await queries.get(principal.workspaceId, executionId);
  if (principal.agentId !== null && record.agentId !== principal.agentId) {
    throw new AppError('not_found', 'No such execution.');
  }
  return record;
}
