import type { DataSource, EntityManager } from 'typeorm';
import type { ResealedSecret, SealedSecret, SecretStore, SecretVerdict } from './secret-store';

/** Where a table keeps its secrets. The names are part of statements, so they are constants of ours. */
export interface SecretColumns<Row extends { readonly id: string }> {
  /** Has the columns `id` and `workspace_id`. */
  readonly table: string;
  /** The column with the envelope. */
  readonly envelope: string;
  /** What is selected of a row. */
  readonly columns: string;
  toSealedSecret(row: Row): SealedSecret;
}

/**
 * The secrets of one table, for the rotation and the verification of keys. What goes over all workspaces finds their
 * rows on a connection of the role `keyrun_definer` only.
 */
export abstract class SecretTable<Row extends { readonly id: string }> implements SecretStore {
  protected constructor(
    protected readonly dataSource: DataSource,
    private readonly from: SecretColumns<Row>,
  ) {}

  async *pages(limit: number): AsyncIterable<readonly SealedSecret[]> {
    const { table, columns } = this.from;
    let after: string | null = null;
    for (;;) {
      const rows: Row[] = await this.dataSource.query<Row[]>(
        `SELECT ${columns} FROM ${table} WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2`,
        [after, limit],
      );
      const last = rows.at(-1);
      if (last === undefined) return;
      yield rows.map((row) => this.from.toSealedSecret(row));
      after = last.id;
    }
  }

  async lock(workspaceId: string, transaction: EntityManager): Promise<readonly SealedSecret[]> {
    const { table, columns } = this.from;
    const rows = await transaction.query<Row[]>(
      `SELECT ${columns} FROM ${table} WHERE workspace_id = $1 ORDER BY id FOR UPDATE`,
      [workspaceId],
    );
    return rows.map((row) => this.from.toSealedSecret(row));
  }

  /** The secret itself stays the same, and with it its version and what is known of its health. */
  async replace(secrets: readonly ResealedSecret[], transaction: EntityManager): Promise<number> {
    const { table, envelope: column } = this.from;
    const [, replaced] = await transaction.query<[unknown, number]>(
      `UPDATE ${table} AS stored SET ${column} = resealed.new_envelope
         FROM unnest($1::uuid[], $2::text[], $3::text[]) AS resealed (id, envelope, new_envelope)
        WHERE stored.id = resealed.id AND stored.${column} = resealed.envelope`,
      [
        secrets.map(({ context }) => context.rowId),
        secrets.map(({ envelope }) => envelope),
        secrets.map(({ newEnvelope }) => newEnvelope),
      ],
    );
    return replaced;
  }

  abstract note(verdicts: readonly SecretVerdict[]): Promise<void>;
}
