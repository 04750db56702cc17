import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver';
import type { WatchedPool } from './watched-pool';

/** A statement of the hot path. */
export interface PreparedStatement {
  /** What PostgreSQL knows it by on every connection: one name, one text. At most 63 bytes. */
  readonly name: string;
  readonly text: string;
  /** Waits for a connection also while none of them gets an answer: what it writes has happened already. */
  readonly isPatient?: boolean;
}

/**
 * The few statements that every execution runs. Each connection parses them once, and they go to the driver
 * directly: a query runner of TypeORM and the parsing together cost as much as finding a row does.
 */
@Injectable()
export class PreparedStatements {
  private readonly pool: WatchedPool;

  constructor(dataSource: DataSource) {
    this.pool = (dataSource.driver as PostgresDriver).master as WatchedPool;
  }

  /**
   * Runs one statement, which commits by itself.
   * @throws {DatabaseError} of the driver, with PostgreSQL's error code in `code`; any other error of the connection.
   */
  async run<Row extends object>(
    { name, text, isPatient = false }: PreparedStatement,
    values: readonly unknown[],
  ): Promise<Row[]> {
    const ask = () => this.pool.query<Row>({ name, text, values: [...values] });
    const { rows } = await (isPatient ? this.pool.patiently(ask) : ask());
    return rows;
  }
}
