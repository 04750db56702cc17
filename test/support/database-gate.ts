import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A way to PostgreSQL that can stand still as a stopped server does: the machine takes every connection, and nothing
 * answers on it.
 */
export class DatabaseGate {
  /** Those that were taken while it was shut. */
  readonly held: Socket[] = [];
  #isShut = false;
  readonly #ways: Socket[] = [];

  private constructor(
    private readonly server: Server,
    private readonly databaseUrl: URL,
  ) {
    server.on('connection', (client: Socket) => {
      this.#keep(client);
      if (!this.#isShut) this.#join(client);
      else {
        this.held.push(client);
        server.emit('held');
      }
    });
  }

  static async start(databaseUrl: string): Promise<DatabaseGate> {
    const server = createServer();
    const gate = new DatabaseGate(server, new URL(databaseUrl));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return gate;
  }

  /** The database, by this way. */
  get url(): string {
    const url = new URL(this.databaseUrl);
    url.hostname = '127.0.0.1';
    url.port = String((this.server.address() as AddressInfo).port);
    return url.href;
  }

  /** Answers nothing any more, on no connection. */
  shut(): void {
    this.#isShut = true;
    for (const socket of this.#ways) socket.pause();
  }

  async untilHeld(count: number): Promise<void> {
    while (this.held.length < count) await once(this.server, 'held');
  }

  /** Lets the connection through that was held longest. */
  letOneThrough(): void {
    const client = this.held.shift();
    if (client !== undefined) this.#join(client);
  }

  open(): void {
    this.#isShut = false;
    for (const socket of this.#ways) socket.resume();
    while (this.held.length > 0) this.letOneThrough();
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.#ways) socket.destroy();
    for (const socket of this.held) socket.destroy();
    await closed;
  }

  #join(client: Socket): void {
    const database = connect(Number(this.databaseUrl.port), this.databaseUrl.hostname);
    this.#keep(database);
    this.#ways.push(client, database);
    client.on('data', (bytes) => database.write(bytes)).on('close', () => database.destroy());
    database.on('data', (bytes) => client.write(bytes)).on('close', () => client.destroy());
  }

  #keep(socket: Socket): void {
    socket.on('error', () => undefined);
  }
}
