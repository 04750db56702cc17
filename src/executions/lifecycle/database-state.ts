/** Where a database stands in its history. */
export interface DatabaseState {
  /** Made with the cluster; a copy of its files has the same. */
  readonly system: string;
  /** A standby that is promoted, and a restore to a point in time, begin a new one. Hexadecimal. */
  readonly timeline: string;
  /** Of this database within the cluster. */
  readonly database: string;
  /** Bytes that were ever written to the log of the timeline, as a decimal. */
  readonly position: string;
}

/** Readable for the role of the application. Fails on a standby, which is no place to work. */
export const DATABASE_STATE = `
  SELECT (SELECT system_identifier FROM pg_control_system())::text AS system,
         left(pg_walfile_name(pg_current_wal_lsn()), 8) AS timeline,
         (SELECT oid FROM pg_database WHERE datname = current_database())::text AS database,
         (pg_current_wal_lsn() - '0/0')::text AS position`;

/** Whether what was committed before may be missing now: it is another copy, or an older state of the same. */
export function isReplaced(before: DatabaseState, now: DatabaseState): boolean {
  return (
    before.system !== now.system ||
    before.timeline !== now.timeline ||
    before.database !== now.database ||
    BigInt(now.position) < BigInt(before.position)
  );
}
