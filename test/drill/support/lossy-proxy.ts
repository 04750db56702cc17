import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A way to PostgreSQL on which answers can get lost: the statement has committed, its sender hears nothing of it. */
export class LossyProxy {
  /** How many answers were lost. */
  lost = 0;
  #statement: string | null = null;
  #before = '';
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly databaseUrl: URL,
  ) {
    server.on('connection', (client: Socket) => {
      this.#join(client);
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

  /**
   * Loses the answer to the next statement that contains the text, with its connection.
   * @param before - text of a statement that the connection has carried before.
   */
  loseAnswerTo(statement: string, before = ''): void {
    this.#statement = statement;
    this.#before = before;
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #join(client: Socket): void {
    const database = connect(Number(this.databaseUrl.port), this.databaseUrl.hostname);
    let isLosing = false;
    let hasCarried = false;
    for (const socket of [client, database]) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        client.destroy();
        database.destroy();
      });
    }
    client.on('data', (bytes: Buffer) => {
      hasCarried ||= this.#statement !== null && bytes.includes(this.#before);
      if (hasCarried && this.#statement !== null && bytes.includes(this.#statement)) {
        this.#statement = null;
        isLosing = true;
      }
      database.write(bytes);
    });
    database.on('data', (bytes: Buffer) => {
      if (!isLosing) {
        client.write(bytes);
        return;
      }
      // PostgreSQL answers when it has committed.
      this.lost += 1;
      client.destroy();
    });
  }
}
