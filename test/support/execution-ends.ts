import { once } from 'node:events';
import { Client } from 'pg';
import type { TestDatabase } from './test-database';

/** Tells when an execution has ended, whoever waits for its answer: a trigger of the test reports it. */
export class ExecutionEnds {
  readonly #ended = new Set<string>();

  private constructor(private readonly client: Client) {
    client.on('notification', ({ payload }) => this.#ended.add(payload ?? ''));
  }

  static async watch({ dataSource, url }: TestDatabase): Promise<ExecutionEnds> {
    await dataSource.query(`
      CREATE FUNCTION tell_execution_end() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM pg_notify('execution_ends', NEW.id::text);
        RETURN NULL;
      END $$`);
    await dataSource.query(`
      CREATE TRIGGER tell_execution_end AFTER UPDATE ON agent_executions
        FOR EACH ROW WHEN (NEW.completed_at IS NOT NULL) EXECUTE FUNCTION tell_execution_end()`);
    const client = new Client({ connectionString: url.expose() });
    await client.connect();
    await client.query('LISTEN execution_ends');
    return new ExecutionEnds(client);
  }

  /** Resolves when the end is committed. The time limit of the test bounds the wait. */
  async until(executionId: string): Promise<void> {
    while (!this.#ended.has(executionId)) await once(this.client, 'notification');
  }

  async close(): Promise<void> {
    await this.client.end();
  }
}
