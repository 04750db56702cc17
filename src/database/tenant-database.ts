import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, type QueryRunner } from 'typeorm';
import { AppError } from '../common';
import { callerTokenId } from './request-scope';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

type Work<T> = (manager: EntityManager) => Promise<T>;

/**
 * The rows of one workspace: everything inside runs in one transaction that PostgreSQL's row-level security
 * confines to it. A statement without its `WHERE workspace_id` still sees no other tenant, and within a
 * request whose token has no grant on the workspace there are no rows at all, whatever the guard said.
 *
 * The manager must not be kept, nor open transactions of its own.
 */
@Injectable()
export class TenantDatabase {
  constructor(private readonly dataSource: DataSource) {}

  /** Reads. Nothing waits for the end of the transaction. */
  async read<T>(workspaceId: string, work: Work<T>): Promise<T> {
    const queryRunner = await this.begin(workspaceId, callerTokenId());
    try {
      return await work(queryRunner.manager);
    } finally {
      void finish(queryRunner, 'ROLLBACK').catch(() => undefined);
    }
  }

  /** Writes: committed when this resolves, rolled back when `work` rejects. */
  async write<T>(workspaceId: string, work: Work<T>): Promise<T> {
    const tokenId = callerTokenId();
    try {
      return await this.commit(await this.begin(workspaceId, tokenId), work);
    } catch (error) {
      throw tokenId !== null && isOutOfReach(error)
        ? new AppError('not_found', 'No such workspace.')
        : error;
    }
  }

  /**
   * Writes what is not on behalf of a token: a workspace that is being made, on which none has a grant yet, or
   * the upkeep of a data key.
   */
  async writeAsServer<T>(workspaceId: string, work: Work<T>): Promise<T> {
    return this.commit(await this.begin(workspaceId, null), work);
  }

  private async commit<T>(queryRunner: QueryRunner, work: Work<T>): Promise<T> {
    let result: T;
    try {
      result = await work(queryRunner.manager);
    } catch (error) {
      await finish(queryRunner, 'ROLLBACK').catch(() => undefined);
      throw error;
    }
    await finish(queryRunner, 'COMMIT');
    return result;
  }

  /** Begins and enters the workspace in one round trip; what the function sets ends with the transaction. */
  private async begin(workspaceId: string, tokenId: string | null): Promise<QueryRunner> {
    const enter =
      tokenId === null
        ? `enter_workspace(${uuid(workspaceId)})`
        : `enter_workspace_as(${uuid(workspaceId)}, ${uuid(tokenId)})`;
    const queryRunner = this.dataSource.createQueryRunner();
    try {
      await queryRunner.query(`BEGIN; SELECT ${enter}`);
      // Else TypeORM, which did not begin it, refuses locks and lets save() commit a transaction of its own.
      return Object.assign(queryRunner, { isTransactionActive: true, transactionDepth: 1 });
    } catch (error) {
      await finish(queryRunner, 'ROLLBACK').catch(() => undefined);
      throw error;
    }
  }
}

/** Two statements in one round trip take no parameters, hence a literal, and nothing but a UUID. */
function uuid(text: string): string {
  if (!UUID.test(text)) throw new Error('not a UUID');
  return `'${text}'::uuid`;
}

async function finish(queryRunner: QueryRunner, command: 'COMMIT' | 'ROLLBACK'): Promise<void> {
  try {
    await queryRunner.query(command);
  } finally {
    await queryRunner.release();
  }
}

/**
 * The workspace was deleted, or the grant on it taken away, since the guard looked: its row is missing
 * (23503), or the policy refuses the write (42501).
 */
function isOutOfReach(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === '23503' || code === '42501';
}
