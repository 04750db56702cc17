import { Agent, request } from 'undici';

import type { Secret } from '../../common';
import { encodeAssociatedData } from '../associated-data';
import { CryptoRefused } from '../crypto.errors';
import { DATA_KEY_BYTES, type DataKeyContext } from '../key-encryption.interface';
import {
  CONNECT_TIMEOUT_MS,
  type KeyServiceClient,
  SYSTEM,
  TOTAL_TIMEOUT_MS,
} from './key-service-client';
import { type KeyServiceFault, KeyServiceUnavailable } from './key-service-unavailable';

export interface VaultTransitOptions {
  /** Origin of the server, such as `https://vault.example:8200`. */
  readonly address: string;
  /** Path of the secrets engine, such as `transit`; a namespace goes in front of it. */
  readonly mount: string;
  /** Name of a key that was made with `derived=true`. */
  readonly key: string;
  /** Asked for each request: an agent may have renewed the token. */
  readonly readToken: () => Secret;
  readonly connectTimeoutMs?: number;
}

const DOMAIN = 'keyrun/data-key/v1';
const PAYLOAD = /^vault:v[1-9][0-9]{0,8}:([A-Za-z0-9+/]+={0,2})$/;
const MAXIMUM_ANSWER_BYTES = 64 * 1024;

/** Messages of Vault and OpenBao that are a verdict on the ciphertext. */
const REFUSAL = /^(invalid ciphertext|cipher: message authentication failed)/;

const FAULT_OF_STATUS: Readonly<Record<number, KeyServiceFault>> = {
  400: 'key_unusable',
  403: 'denied',
  404: 'key_unusable',
  429: 'throttled',
};

const TIMEOUTS = new Set(['AbortError', 'TimeoutError', 'ConnectTimeoutError']);

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** The Transit engine of HashiCorp Vault or OpenBao. */
export class VaultTransitClient implements KeyServiceClient {
  readonly scheme = 'vault';
  readonly keyName: string;
  readonly #agent: Agent;

  constructor(private readonly options: VaultTransitOptions) {
    this.keyName = `${options.mount}/${options.key}`;
    this.#agent = new Agent({
      connect: { timeout: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS },
      headersTimeout: TOTAL_TIMEOUT_MS,
      bodyTimeout: TOTAL_TIMEOUT_MS,
      maxResponseSize: MAXIMUM_ANSWER_BYTES,
    });
  }

  isPayload(text: string): boolean {
    const base64 = PAYLOAD.exec(text)?.[1];
    return base64 !== undefined && Buffer.from(base64, 'base64').toString('base64') === base64;
  }

  async encrypt(dataKey: Buffer, context: DataKeyContext, signal: AbortSignal): Promise<string> {
    const body = { plaintext: dataKey.toString('base64'), context: derivationContext(context) };
    const { ciphertext } = this.#dataOf(await this.#post('encrypt', body, signal));
    if (typeof ciphertext !== 'string' || !this.isPayload(ciphertext)) {
      throw new KeyServiceUnavailable('invalid_answer');
    }
    return ciphertext;
  }

  async decrypt(payload: string, context: DataKeyContext, signal: AbortSignal): Promise<Buffer> {
    const body = { ciphertext: payload, context: derivationContext(context) };
    const answer = await this.#post('decrypt', body, signal);
    if (refuses(answer.text)) throw new CryptoRefused('auth_failed');
    const { plaintext } = this.#dataOf(answer);
    const dataKey = Buffer.from(typeof plaintext === 'string' ? plaintext : '', 'base64');
    if (dataKey.length !== DATA_KEY_BYTES) {
      dataKey.fill(0);
      throw new KeyServiceUnavailable('invalid_answer');
    }
    return dataKey;
  }

  async #post(operation: string, body: object, signal: AbortSignal): Promise<Answer> {
    const { address, mount, key } = this.options;
    const token = this.#token();
    try {
      const { statusCode, body: answer } = await request(
        `${address}/v1/${mount}/${operation}/${encodeURIComponent(key)}`,
        {
          dispatcher: this.#agent,
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-vault-token': token },
          body: JSON.stringify(body),
          signal,
        },
      );
      return { status: statusCode, text: await answer.text() };
    } catch (error) {
      const isTimeout = TIMEOUTS.has((error as Error).name);
      throw new KeyServiceUnavailable(isTimeout ? 'timeout' : 'unreachable');
    }
  }

  #token(): string {
    try {
      return this.options.readToken().expose();
    } catch {
      throw new KeyServiceUnavailable('denied');
    }
  }

  /** A redirect is a failure: it would carry the token to another host. */
  #dataOf({ status, text }: Answer): Record<string, unknown> {
    if (status !== 200) throw new KeyServiceUnavailable(FAULT_OF_STATUS[status] ?? 'failed');
    return member(parseJson(text), 'data');
  }
}

/** Each context derives a key of its own, so nothing opens under another one. */
function derivationContext({ workspaceId, dataKeyId }: DataKeyContext): string {
  return encodeAssociatedData([DOMAIN, workspaceId ?? SYSTEM, dataKeyId]).toString('base64');
}

function refuses(text: string): boolean {
  const { errors } = parseJson(text);
  return Array.isArray(errors) && errors.some((error) => REFUSAL.test(String(error)));
}

/** What is no JSON object reads as one without members. */
function parseJson(text: string): Record<string, unknown> {
  try {
    return member({ value: JSON.parse(text) as unknown }, 'value');
  } catch {
    return {};
  }
}

function member(object: Record<string, unknown>, name: string): Record<string, unknown> {
  const value = object[name];
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
