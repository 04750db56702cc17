import type { OnApplicationShutdown } from '@nestjs/common';
import { Webhook } from 'standardwebhooks';
import { type Agent, type Dispatcher, errors } from 'undici';
import { AppError, type Secret } from '../../common';
import {
  guardedAgent,
  type OutboundPolicy,
  readRetryAfterMs,
  type ResolveAddresses,
} from '../../outbound';
import { type DeliveryFault, type DeliveryOutcome, faultOfStatus } from './delivery-outcome';

const CONNECT_TIMEOUT_MS = 5_000;
/** Of the whole attempt, the reading of the answer included. */
const ATTEMPT_TIMEOUT_MS = 15_000;
/** More of an answer is not read; none of it is kept. */
const ANSWER_BYTES_MAX = 64 * 1024;

/** One event on its way. */
export interface WebhookMessage {
  /** The `webhook-id`: the same at every attempt. */
  readonly id: string;
  readonly type: string;
  /** When it happened. */
  readonly occurredAt: Date;
  readonly data: object;
}

/** Signs events as the Standard Webhooks specification says, and sends them. Never follows a redirect. */
export class WebhookSender implements OnApplicationShutdown {
  readonly #agent: Agent;

  /** @param resolveAddresses - a test replaces the resolver of the system. */
  constructor(
    private readonly policy: OutboundPolicy,
    resolveAddresses?: ResolveAddresses,
  ) {
    const connectTimeoutMs = CONNECT_TIMEOUT_MS;
    this.#agent = guardedAgent({ policy, connectTimeoutMs, resolveAddresses });
  }

  /** Runs after the last attempt has ended. */
  async onApplicationShutdown(): Promise<void> {
    await this.#agent.destroy();
  }

  /**
   * One attempt. A failure is an outcome, not an error.
   * @param secrets - each adds a signature.
   * @param signal - ends the attempt: `interrupted`.
   */
  async send(
    url: string,
    message: WebhookMessage,
    secrets: readonly Secret[],
    signal?: AbortSignal,
  ): Promise<DeliveryOutcome> {
    const startedAt = performance.now();
    const elapsed = () => Math.round(performance.now() - startedAt);
    const timeLimit = AbortSignal.timeout(ATTEMPT_TIMEOUT_MS);
    const limit = signal === undefined ? timeLimit : AbortSignal.any([timeLimit, signal]);
    try {
      // The policy may have been tightened since the URL was saved.
      const { origin, pathname, search } = new URL(this.policy.checkWebhookUrl(url));
      const { statusCode, headers, body } = await this.#agent.request({
        origin,
        path: pathname + search,
        method: 'POST',
        ...signedRequest(message, secrets),
        signal: limit,
      });
      const latencyMs = elapsed();
      await body.dump({ limit: ANSWER_BYTES_MAX, signal: limit }).catch(() => undefined);
      return {
        errorCategory: faultOfStatus(statusCode),
        responseStatus: statusCode,
        latencyMs,
        retryAfterMs: readRetryAfterMs({ get: (name) => headerOf(headers, name) }, Date.now()),
      };
    } catch (error) {
      const errorCategory =
        signal?.aborted === true ? 'interrupted' : timeLimit.aborted ? 'timeout' : faultOf(error);
      return { errorCategory, responseStatus: null, latencyMs: elapsed() };
    }
  }
}

function signedRequest(
  { id, type, occurredAt, data }: WebhookMessage,
  secrets: readonly Secret[],
): Pick<Dispatcher.RequestOptions, 'headers' | 'body'> {
  const body = JSON.stringify({ type, timestamp: occurredAt.toISOString(), data });
  const at = new Date();
  const signatures = secrets.map((secret) => new Webhook(secret.expose()).sign(id, at, body));
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'accept-encoding': 'identity',
      'user-agent': 'Keyrun-Webhooks/1',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': signatures.join(' '),
    },
  };
}

/** Why there is no answer. A name that leads inside, a closed port and failed TLS are the same: it is no scanner. */
function faultOf(error: unknown): DeliveryFault {
  if (error instanceof AppError && error.code === 'blocked_destination') return error.code;
  if (error instanceof errors.HTTPParserError || error instanceof errors.HeadersOverflowError) {
    return 'invalid_response';
  }
  const { code } = error as { code?: unknown };
  const isLost = error instanceof errors.SocketError || code === 'ECONNRESET' || code === 'EPIPE';
  return isLost ? 'connection_lost' : 'connect_failed';
}

function headerOf(headers: Record<string, string | string[] | undefined>, name: string) {
  const value = headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? null;
}
