import pg, { type ClientConfig, type Pool, type PoolClient, type PoolConfig } from 'pg';
import { ProgressWatch } from '../common';

/** Ticks of a tenth of a second without an answer on any connection, after which nobody is kept waiting for one. */
const STALLED_TICKS = 11;
/**
 * What PostgreSQL says before it takes a login. That the machine takes the connection says nothing of it: the kernel
 * does so for a server that is stopped, too.
 */
const GREETINGS = [
  'sslconnect',
  'authenticationCleartextPassword',
  'authenticationMD5Password',
  'authenticationSASL',
  'authenticationSASLContinue',
  'authenticationSASLFinal',
  'authenticationOk',
];

type Callback = Parameters<Pool['connect']>[0];

/**
 * A pool that refuses whoever waits for a connection, in use or new, while none of them gets an answer: something
 * holds all of them, or PostgreSQL stands still, and a client is better told at once. As long as statements are
 * answered and logins go on, a wait is only a queue, and ends by the pool's own time limit.
 */
export class WatchedPool extends pg.Pool {
  readonly #watch: ProgressWatch;
  #isPatient = false;
  /** Who opens the pool waits as long as it takes, for a server that may be far or has just been started. */
  #isOpen = false;

  constructor(options?: PoolConfig, watch = new ProgressWatch(STALLED_TICKS)) {
    const noteProgress = () => {
      watch.noteProgress();
    };
    super({ ...options, Client: greetedClient(noteProgress) });
    this.#watch = watch;
    this.on('release', noteProgress);
    this.on('connect', (client) => {
      this.#isOpen = true;
      client.on('drain', noteProgress);
    });
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
    super.connect(this.#isOpen && !this.#isPatient ? this.#unlessStalled(callback) : callback);
    return undefined;
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

function greetedClient(noteProgress: () => void): typeof pg.Client {
  return class extends pg.Client {
    constructor(config?: ClientConfig) {
      super(config);
      for (const greeting of GREETINGS) this.connection.on(greeting, noteProgress);
    }
  };
}
