import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Which answers get lost, and how. */
export interface Loss {
  /** Text of the statement, whose connection breaks. */
  readonly statement: string;
  /** Text that the connection has carried before. */
  readonly before?: string;
  /** So many in a row. Default 1. */
  readonly times?: number;
  /** The statement itself is under way for so long after its sender has lost the connection. */
  readonly heldMs?: number;
  /** Afterwards nobody gets through for so long. */
  readonly awayMs?: number;
}

/** A way to PostgreSQL on which answers can get lost: the statement has committed, its sender hears nothing of it. */
export class LossyProxy {
  /** How many answers were lost. */
  lost = 0;
  #loss: Loss | null = null;
  #left = 0;
  #awayUntilMs = -Infinity;
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly databaseUrl: URL,
  ) {
    server.on('connection', (client: Socket) => {
      if (this.#isAway) client.destroy();
      else this.#join(client);
    });
  }

  static async start(databaseUrl: string): Promise<LossyProxy> {
    const server = createServer();
    const proxy = new LossyProxy(server, new URL(databaseUrl));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  /** The database, by this way. */
  get url(): string {
    const url = new URL(this.databaseUrl);
    url.port = String((this.server.address() as AddressInfo).port);
    return url.href;
  }

  /** Loses the answer to the next statement that contains the text, with its connection. */
  loseAnswerTo(loss: Loss): void {
    this.#loss = loss;
    this.#left = loss.times ?? 1;
  }

  /** Every connection breaks, and nobody gets through any more. */
  goAway(): void {
    this.#awayUntilMs = Infinity;
    this.#breakAll();
  }

  comeBack(): void {
    this.#awayUntilMs = -Infinity;
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.#breakAll();
    await closed;
  }

  get #isAway(): boolean {
    return performance.now() < this.#awayUntilMs;
  }

  #breakAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(client: Socket): void {
    const database = connect(Number(this.databaseUrl.port), this.databaseUrl.hostname);
    let loss: Loss | null = null;
    let hasCarried = false;
    for (const socket of [client, database]) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        client.destroy();
        if (loss?.heldMs === undefined) database.destroy();
      });
    }
    client.on('data', (bytes: Buffer) => {
      const wanted = this.#loss;
      hasCarried ||= wanted !== null && bytes.includes(wanted.before ?? '');
      if (wanted === null || !hasCarried || !bytes.includes(wanted.statement)) {
        database.write(bytes);
        return;
      }
      this.#left -= 1;
      if (this.#left === 0) this.#loss = null;
      loss = wanted;
      if (wanted.heldMs === undefined) database.write(bytes);
      else this.#hold(client, database, bytes, wanted.heldMs);
    });
    database.on('data', (bytes: Buffer) => {
      if (loss === null) client.write(bytes);
      // PostgreSQL answers when it has committed.
      else if (loss.heldMs === undefined) this.#lose(client, loss);
      else database.destroy();
    });
  }

  #hold(client: Socket, database: Socket, bytes: Buffer, heldMs: number): void {
    this.lost += 1;
    client.destroy();
    setTimeout(() => database.write(bytes), heldMs);
  }

  #lose(client: Socket, { awayMs = 0 }: Loss): void {
    this.lost += 1;
    this.#awayUntilMs = performance.now() + awayMs;
    client.destroy();
    if (awayMs > 0) this.#breakAll();
  }
}
