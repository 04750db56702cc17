import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { type KeyServiceAnswer, LoopbackKeyService } from './loopback-key-service';

/** Gives the answer that the test wrote, and keeps what it was asked. */
export class ScriptedKeyService extends LoopbackKeyService {
  reply: KeyServiceAnswer = { status: 200, body: '{}' };
  readonly requests: {
    method: string;
    url: string;
    headers: IncomingHttpHeaders;
    body: unknown;
  }[] = [];

  /** Answers with JSON. */
  says(status: number, body: unknown): void {
    this.reply = { status, body: JSON.stringify(body) };
  }

  protected answer(
    { method = '', url = '', headers }: IncomingMessage,
    body: unknown,
  ): KeyServiceAnswer {
    this.requests.push({ method, url, headers, body });
    return this.reply;
  }

  protected fault(): KeyServiceAnswer {
    return this.reply;
  }
}
