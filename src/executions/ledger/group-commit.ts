import type { ProgressWatch } from '../../common';

/** How the rows of one statement are gathered. */
export interface GroupCommitOptions<Row, Result> {
  /** Commits the rows in one statement. @returns what became of each, by the key of its row. */
  run(rows: readonly Row[]): Promise<ReadonlyMap<string, Result>>;
  readonly keyOf: (row: Row) => string;
  /** Bytes that a row weighs, about. */
  readonly bytesOf?: (row: Row) => number;
  /** Statements under way at once, ≥ 1. More of them help a node that is nearly idle, fewer one that is busy. */
  readonly concurrency: number;
  readonly maxRows: number;
  readonly maxBytes: number;
  /** Rows that may wait; above it {@link GroupCommit.submit} refuses. */
  readonly maxWaiting: number;
  /** Ends the wait of rows while no statement is answered; undefined: they wait as long as it takes. */
  readonly watch?: ProgressWatch;
}

/** More rows wait than the database can take. */
export class GroupCommitFull extends Error {
  constructor() {
    super('too many rows wait for the database');
  }
}

/** No statement is answered, and the row has not been sent. */
export class GroupCommitStalled extends Error {
  constructor() {
    super('the database answers no statement');
  }
}

/** No statement is answered, among them the one that the row is in: it may still be written. */
export class StatementUnanswered extends Error {
  constructor() {
    super('the database has not answered the statement');
  }
}

interface Waiting<Row, Result> {
  readonly row: Row;
  readonly resolve: (result: Result | undefined) => void;
  readonly reject: (reason: unknown) => void;
  /** It was told that there is no progress, so it must not be sent any more. */
  isGivenUp: boolean;
}

/** How often a statement is tried that lost a race against another transaction. */
const RACES_MAX = 3;

/**
 * Group commit: rows that wait at the same moment share one statement and one flush to disk. A row never waits for
 * others to come; it waits only while as many statements as allowed are under way.
 */
export class GroupCommit<Row, Result> {
  #waiting: Waiting<Row, Result>[] = [];
  #underWay = 0;

  constructor(private readonly options: GroupCommitOptions<Row, Result>) {}

  /**
   * @returns what became of the row, after its statement has committed; undefined: the statement gave nothing.
   * @throws {GroupCommitFull}, {GroupCommitStalled}, {StatementUnanswered}, or what the statement threw.
   */
  async submit(row: Row): Promise<Result | undefined> {
    if (this.#waiting.length >= this.options.maxWaiting) throw new GroupCommitFull();
    let endWait: (() => void) | undefined;
    try {
      return await new Promise<Result | undefined>((resolve, reject) => {
        const waiting = { row, resolve, reject, isGivenUp: false };
        endWait = this.options.watch?.wait(() => {
          this.#giveUp(waiting);
        });
        this.#waiting.push(waiting);
        this.#dispatch();
      });
    } finally {
      endWait?.();
    }
  }

  #giveUp(waiting: Waiting<Row, Result>): void {
    waiting.isGivenUp = true;
    const index = this.#waiting.indexOf(waiting);
    if (index >= 0) this.#waiting.splice(index, 1);
    waiting.reject(index >= 0 ? new GroupCommitStalled() : new StatementUnanswered());
  }

  #dispatch(): void {
    while (this.#waiting.length > 0 && this.#underWay < this.options.concurrency) {
      this.#underWay += 1;
      void this.#commit(this.#takeBatch());
    }
  }

  #takeBatch(): Waiting<Row, Result>[] {
    const { maxRows, maxBytes, bytesOf = () => 0 } = this.options;
    let bytes = 0;
    let count = 0;
    for (const { row } of this.#waiting) {
      bytes += bytesOf(row);
      if (count === maxRows || (count > 0 && bytes > maxBytes)) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #commit(batch: Waiting<Row, Result>[]): Promise<void> {
    try {
      await this.#settle(batch);
    } finally {
      this.#underWay -= 1;
      this.#dispatch();
    }
  }

  /** One bad row must not take the others down with it: then each goes alone. */
  async #settle(batch: Waiting<Row, Result>[]): Promise<void> {
    try {
      const results = await this.#run(batch);
      for (const { row, resolve } of batch) resolve(results.get(this.options.keyOf(row)));
    } catch (error) {
      if (batch.length === 1 || !isFaultOfARow(error)) {
        for (const { reject } of batch) reject(error);
        return;
      }
      for (const one of batch) await this.#settle([one]);
    }
  }

  async #run(batch: readonly Waiting<Row, Result>[]): Promise<ReadonlyMap<string, Result>> {
    for (let attempt = 1; ; attempt += 1) {
      const rows = batch.filter(({ isGivenUp }) => !isGivenUp).map(({ row }) => row);
      if (rows.length === 0) return new Map();
      try {
        const results = await this.options.run(rows);
        this.options.watch?.noteProgress();
        return results;
      } catch (error) {
        if (isLostRace(error) || isFaultOfARow(error)) this.options.watch?.noteProgress();
        if (attempt === RACES_MAX || !isLostRace(error)) throw error;
      }
    }
  }
}

/** PostgreSQL ended a deadlock (40P01) or could not serialise (40001): nothing was written. */
function isLostRace(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === '40P01' || code === '40001';
}

/** A value that does not fit (class 22) or a constraint (class 23): it will be refused again. */
export function isFaultOfARow(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^2[23]/.test(code);
}
