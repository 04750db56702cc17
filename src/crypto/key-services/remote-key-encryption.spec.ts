import { Logger } from '@nestjs/common';
import { CryptoRefused } from '../crypto.errors';
import { keyServiceKeyId } from '../wrapped-data-key';
import type { KeyServiceClient } from './key-service-client';
import { KeyServiceUnavailable } from './key-service-unavailable';
import { RemoteKeyEncryption } from './remote-key-encryption';

const CONTEXT = { workspaceId: 'workspace-1', dataKeyId: 'data-key-1' };
const ID = keyServiceKeyId('vault', 'transit/keyrun');
const wrapped = `w1:vault:${ID}:payload`;
const dataKey = Buffer.alloc(32, 7);

/** A key service in which the test decides how each exchange ends. */
class DecidedClient implements KeyServiceClient {
  readonly scheme = 'vault';
  readonly keyName = 'transit/keyrun';
  calls = 0;
  decide: () => Promise<unknown> = () => Promise.resolve(Buffer.from(dataKey));

  isPayload(text: string): boolean {
    return text === 'payload';
  }

  async encrypt(): Promise<string> {
    this.calls += 1;
    return (await this.decide()) as string;
  }

  async decrypt(): Promise<Buffer> {
    this.calls += 1;
    return (await this.decide()) as Buffer;
  }
}

let client: DecidedClient;
let now: number;
let remote: RemoteKeyEncryption;

beforeEach(() => {
  Logger.overrideLogger(false);
  client = new DecidedClient();
  now = 0;
  remote = new RemoteKeyEncryption(client, { now: () => now });
});

afterEach(() => jest.restoreAllMocks());

const failsWith = (error: Error) => {
  client.decide = () => Promise.reject(error);
};
const outcome = async (work: Promise<unknown>) => {
  try {
    return await work;
  } catch (error) {
    if (error instanceof KeyServiceUnavailable) return error.fault;
    if (error instanceof CryptoRefused) return error.code;
    throw error;
  }
};
const unwrap = (context: Parameters<RemoteKeyEncryption['unwrap']>[1] = CONTEXT) =>
  outcome(remote.unwrap(wrapped, context));

describe('RemoteKeyEncryption', () => {
  it('has one root key, named after the service and the configured name', async () => {
    expect([remote.activeKeyId, remote.keyIds]).toEqual([ID, [ID]]);
    client.decide = () => Promise.resolve('payload');
    expect(await remote.wrap(dataKey, CONTEXT)).toBe(wrapped);
  });

  it.each([0, 31, 33])('wraps no data key of %i bytes', async (size) => {
    const refused = new RangeError('A data key has 32 bytes.');
    await expect(remote.wrap(Buffer.alloc(size), CONTEXT)).rejects.toThrow(refused);
    expect(client.calls).toBe(0);
  });

  it.each([
    ['another scheme', wrapped.replace('vault', 'awskms'), 'malformed'],
    ['another root key', wrapped.replace(ID, `${ID.slice(1)}_`), 'root_key_unknown'],
    ['what is no payload', `${wrapped}!`, 'malformed'],
  ])('asks nobody about %s', async (_name, text, code) => {
    expect(await outcome(remote.unwrap(text, CONTEXT))).toBe(code);
    expect(client.calls).toBe(0);
  });

  it('says in the log which key service has which fault, once', async () => {
    const warnings = jest.spyOn(Logger.prototype, 'warn').mockImplementation();
    failsWith(new KeyServiceUnavailable('throttled'));
    await unwrap();
    await unwrap();
    expect(warnings.mock.calls).toEqual([
      [
        {
          message: 'the key service cannot be used',
          scheme: 'vault',
          rootKeyId: ID,
          fault: 'throttled',
        },
      ],
    ]);
  });

  it('repeats once what was unreachable, and nothing else', async () => {
    for (const [fault, calls] of [
      ['unreachable', 2],
      ['timeout', 1],
      ['denied', 1],
    ] as const) {
      client = new DecidedClient();
      remote = new RemoteKeyEncryption(client, { now: () => now });
      failsWith(new KeyServiceUnavailable(fault));
      expect(await unwrap()).toBe(fault);
      expect(client.calls).toBe(calls);
    }
    client.calls = 0;
    failsWith(Object.assign(new Error('a bug'), { fault: 'unreachable' }));
    await expect(remote.unwrap(wrapped, { ...CONTEXT, dataKeyId: 'other' })).rejects.toThrow(
      'a bug',
    );
    expect(client.calls).toBe(1);
  });

  it('remembers a refusal for one second, for exactly that text in that place', async () => {
    failsWith(new CryptoRefused('auth_failed'));
    expect([await unwrap(), client.calls]).toEqual(['auth_failed', 1]);
    client.decide = () => Promise.resolve(dataKey);
    now = 999;
    expect([await unwrap(), client.calls]).toEqual(['auth_failed', 1]);
    expect(await unwrap({ ...CONTEXT, workspaceId: 'workspace-2' })).toBe(dataKey);
    expect(await unwrap({ ...CONTEXT, workspaceId: null })).toBe(dataKey);
    expect(await unwrap({ ...CONTEXT, dataKeyId: 'data-key-2' })).toBe(dataKey);
    now = 1_000;
    expect([await unwrap(), client.calls]).toEqual([dataKey, 5]);
    now = 0;
    expect(await unwrap()).toBe(dataKey);
  });

  it('remembers no outage: after the pause it asks', async () => {
    failsWith(new KeyServiceUnavailable('failed'));
    await unwrap();
    client.decide = () => Promise.resolve(dataKey);
    now = 250;
    expect(await unwrap()).toBe(dataKey);
  });

  it('remembers a thousand refusals, the latest ones', async () => {
    failsWith(new CryptoRefused('auth_failed'));
    for (let count = 0; count <= 1_000; count += 1) {
      await unwrap({ ...CONTEXT, dataKeyId: String(count) });
    }
    client.decide = () => Promise.resolve(dataKey);
    expect(await unwrap({ ...CONTEXT, dataKeyId: '1' })).toBe('auth_failed');
    expect(await unwrap({ ...CONTEXT, dataKeyId: '1000' })).toBe('auth_failed');
    expect(await unwrap({ ...CONTEXT, dataKeyId: '0' })).toBe(dataKey);
  });

  it('ends in time though the client does not listen', async () => {
    client.decide = () => new Promise(() => undefined);
    remote = new RemoteKeyEncryption(client, { totalTimeoutMs: 20 });
    expect(await unwrap()).toBe('timeout');
  });

  it('gives an exchange 5 seconds, and has a clock of its own, unless told otherwise', async () => {
    const limits = jest.spyOn(AbortSignal, 'timeout');
    remote = new RemoteKeyEncryption(client);
    failsWith(new CryptoRefused('auth_failed'));
    await unwrap();
    await unwrap();
    expect(client.calls).toBe(1);
    expect(limits.mock.calls).toEqual([[5_000]]);
  });
});
