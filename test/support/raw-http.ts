import { connect, type Socket } from 'node:net';
import type { TestApp } from './test-app';

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  /** Names in lower case; the last of a name that came twice. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** A socket to the application, for what no HTTP client would send. */
export function openSocket(app: TestApp): Socket {
  const { hostname, port } = new URL(app.url);
  return connect(Number(port), hostname);
}

/** Sends exactly these bytes and reads until the server closes. */
export async function sendRaw(app: TestApp, text: string): Promise<RawAnswer> {
  const socket = openSocket(app);
  socket.write(text);
  return readAnswer(socket);
}

/** Reads until the server closes. */
export async function readAnswer(socket: Socket): Promise<RawAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  const [head = '', ...rest] = Buffer.concat(chunks).toString('utf8').split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return {
    status: Number(statusLine.split(' ')[1]),
    headers: Object.fromEntries(headers),
    text: rest.join('\r\n\r\n'),
  };
}
