import pg, { type Pool, type PoolClient, type PoolConfig } from 'pg';
import { ProgressWatch } from '../common';

/** Ticks of a tenth of a second without an answer on any connection, after which nobody is kept waiting for one. */
const STALLED_TICKS = 11;

type Callback = Parameters<Pool['connect']>[0];

/**
 * A pool that refuses whoever waits for a connection while none of them gets an answer: something holds all of them,
 * and a client is better told at once. As long as statements are answered, a wait is only a queue, and ends by the
 * pool's own time limit.
 */
export class WatchedPool extends pg.Pool {
  readonly #watch: ProgressWatch;
  #isPatient = false;

  constructor(options?: PoolConfig, watch = new ProgressWatch(STALLED_TICKS)) {
    super(options);
    this.#watch = watch;
    const noteProgress = () => {
      this.#watch.noteProgress();
    };
    this.on('release', noteProgress);
    this.on('connect', (client) => client.on('drain', noteProgress));
  }

  /** What `ask` asks of this pool before it returns waits for a connection up to the pool's time limit. */
  patiently<T>(ask: () => T): T {
    this.#isPatient = true;
    try {
      return ask();
    } finally {
      this.#isPatient = false;
    }
  }

  override connect(): Promise<PoolClient>;
  override connect(callback: Callback): void;
  override connect(callback?: Callback): Promise<PoolClient> | undefined {
    if (callback === undefined) {
      return new Promise((resolve, reject) => {
        this.connect((error, client) => {
          if (client === undefined) reject(error ?? new Error('no connection'));
          else resolve(client);
        });
      });
    }
    super.connect(this.#hasToWait() && !this.#isPatient ? this.#unlessStalled(callback) : callback);
    return undefined;
  }

  /** Else one is made for this request, which takes as long as it takes. */
  #hasToWait(): boolean {
    return this.idleCount > 0 || this.totalCount >= this.options.max;
  }

  #unlessStalled(callback: Callback): Callback {
    let isGivenUp = false;
    const endWait = this.#watch.wait(() => {
      isGivenUp = true;
      // In the words of the driver, by which others know that nothing was sent.
      callback(new Error('timeout exceeded when trying to connect'), undefined, () => undefined);
    });
    return (error, client, release) => {
      endWait();
      if (!isGivenUp) callback(error, client, release);
      // Not within the call, which would go as deep as the queue is long.
      else if (client !== undefined) process.nextTick(release);
    };
  }
}
