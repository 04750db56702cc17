import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What stands in front of several servers: each connection goes to the next of them that takes it. */
export class FrontProxy {
  #targets: readonly number[] = [];
  #next = 0;
  readonly #sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {
    server.on('connection', (client: Socket) => {
      this.#watch(client);
      this.#join(client, this.#targets.length);
    });
  }

  static async start(): Promise<FrontProxy> {
    const server = createServer({ pauseOnConnect: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FrontProxy(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** New connections go to these from now on; those that are open stay where they are. */
  leadTo(urls: readonly string[]): void {
    this.#targets = urls.map((url) => Number(new URL(url).port));
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #watch(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #join(client: Socket, tries: number): void {
    const port = this.#targets[this.#next++ % this.#targets.length];
    if (port === undefined || tries === 0) {
      client.destroy();
      return;
    }
    const target = connect(port, '127.0.0.1');
    this.#watch(target);
    const onRefused = () => {
      this.#join(client, tries - 1);
    };
    target.once('error', onRefused);
    target.once('connect', () => {
      target.off('error', onRefused);
      client.pipe(target);
      target.pipe(client);
      client.on('close', () => target.destroy());
      target.on('close', () => client.destroy());
    });
  }
}
