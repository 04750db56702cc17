import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';

import { Logger } from '@nestjs/common';
import { v7 } from 'uuid';

import {
  AWS_CREDENTIALS,
  AwsKmsServer,
  type KeyServiceBehaviour,
  type LoopbackKeyService,
  VaultServer,
} from '../../../test/support/key-services';
import { Secret } from '../../common';
import { CryptoRefused } from '../crypto.errors';
import { DataKeys } from '../data-keys';
import type { DataKeyContext } from '../key-encryption.interface';
import { InMemoryDataKeyStore } from '../testing/in-memory-data-key.store';
import { AwsKmsClient } from './aws-kms.client';
import type { KeyServiceClient } from './key-service-client';
import { KeyServiceUnavailable } from './key-service-unavailable';
import { RemoteKeyEncryption } from './remote-key-encryption';
import { VaultTransitClient } from './vault-transit.client';

const variables = { ...process.env };
let now = 0;
let service: LoopbackKeyService;
let client: KeyServiceClient;
let keyEncryption: RemoteKeyEncryption;
let context: DataKeyContext;
const dataKey = randomBytes(32);

beforeEach(() => {
  Object.assign(process.env, AWS_CREDENTIALS);
  Logger.overrideLogger(false);
  now = 0;
  context = { workspaceId: v7(), dataKeyId: v7() };
});

afterEach(async () => {
  process.env = { ...variables };
  await service.close();
});

function open(over: KeyServiceClient, totalTimeoutMs?: number): RemoteKeyEncryption {
  return new RemoteKeyEncryption(over, { totalTimeoutMs, now: () => now });
}

async function failureOf(work: Promise<unknown>): Promise<Error> {
  try {
    await work;
  } catch (error) {
    return error as Error;
  }
  throw new Error('It did not fail.');
}

async function faultOf(work: Promise<unknown>): Promise<string> {
  const error = await failureOf(work);
  if (error instanceof KeyServiceUnavailable) return error.fault;
  throw error;
}

describe.each([
  {
    name: 'AWS KMS',
    start: async () => {
      const kms = await new AwsKmsServer().listen();
      const options = { keyArn: kms.addKey(), region: null, endpoint: kms.url };
      return { kms, made: new AwsKmsClient(options) };
    },
  },
  {
    name: 'Vault Transit',
    start: async () => {
      const kms = await new VaultServer().listen();
      const key = kms.addKey('keyrun');
      const readToken = () => new Secret(kms.token);
      const made = new VaultTransitClient({ address: kms.url, mount: kms.mount, key, readToken });
      return { kms, made };
    },
  },
])('$name that cannot be asked', ({ start }) => {
  let wrapped: string;

  beforeEach(async () => {
    const started = await start();
    service = started.kms;
    client = started.made;
    keyEncryption = open(client);
    wrapped = await keyEncryption.wrap(dataKey, context);
    service.calls = 0;
  });

  it.each([
    ['denied', 'denied', 1],
    ['throttled', 'throttled', 1],
    ['key_disabled', 'key_unusable', 1],
    ['failing', 'failed', 1],
    ['odd', 'failed', 1],
    ['garbage', 'invalid_answer', 1],
    ['empty', 'invalid_answer', 1],
    ['broken', 'unreachable', 2],
  ] as const)('%s: fails as %s after %i exchanges', async (behaviour, fault, calls) => {
    service.behaviour = behaviour;
    expect(await faultOf(keyEncryption.unwrap(wrapped, context))).toBe(fault);
    expect(service.calls).toBe(calls);
    expect(await faultOf(open(client).wrap(dataKey, context))).toBe(fault);
  });

  it('silent: fails as timeout when the total time is over', async () => {
    service.behaviour = 'silent';
    const impatient = open(client, 60);
    expect(await faultOf(impatient.unwrap(wrapped, context))).toBe('timeout');
    expect(service.calls).toBe(1);
  });

  it('repeats once after a connection that broke', async () => {
    service.next.push('broken');
    expect(await keyEncryption.unwrap(wrapped, context)).toEqual(dataKey);
    expect(service.calls).toBe(2);
  });

  it('down: fails as unreachable', async () => {
    await service.close();
    expect(await faultOf(open(client).unwrap(wrapped, context))).toBe('unreachable');
    service = await new VaultServer().listen();
  });

  it('answers 503 with Retry-After and shows neither credential, address nor data key', async () => {
    const failures: Error[] = [];
    for (const behaviour of ['denied', 'failing', 'garbage', 'broken', 'throttled'] as const) {
      service.behaviour = behaviour;
      failures.push(await failureOf(open(client).unwrap(wrapped, context)));
      failures.push(await failureOf(open(client).wrap(dataKey, context)));
    }
    for (const failure of failures) {
      expect(failure).toMatchObject({ code: 'key_service_unavailable', status: 503 });
      const shown = inspect(failure, { depth: 10, showHidden: true });
      for (const secret of [
        ...Object.values(AWS_CREDENTIALS),
        'hvs.CAESI',
        new URL(service.url).port,
        dataKey.toString('base64').slice(0, 10),
      ]) {
        expect(shown).not.toContain(secret);
      }
    }
  });

  it('asks nobody for a moment after an outage, and then one at a time', async () => {
    service.behaviour = 'failing';
    const others = Array.from({ length: 5 }, () => ({ ...context, dataKeyId: v7() }));
    await failureOf(keyEncryption.unwrap(wrapped, context));
    for (const other of others) {
      expect(await faultOf(keyEncryption.unwrap(wrapped, other))).toBe('failed');
    }
    expect(service.calls).toBe(1);

    now += 250;
    await Promise.all(others.map((other) => failureOf(keyEncryption.unwrap(wrapped, other))));
    expect(service.calls).toBe(2);

    service.behaviour = 'normal';
    now += 499;
    await failureOf(keyEncryption.wrap(dataKey, context));
    expect(service.calls).toBe(2);
    now += 1;
    await keyEncryption.wrap(dataKey, context);
    await Promise.all([0, 1, 2].map(() => keyEncryption.wrap(dataKey, context)));
    expect(service.calls).toBe(6);
  });

  it('counts an outage once, however many calls were under way', async () => {
    service.behaviour = 'failing';
    const contexts = Array.from({ length: 8 }, () => ({ ...context, dataKeyId: v7() }));
    await Promise.all(contexts.map((other) => failureOf(keyEncryption.unwrap(wrapped, other))));
    service.behaviour = 'normal';
    now += 250;
    await keyEncryption.wrap(dataKey, context);
  });

  it('pauses for 5 seconds at the most', async () => {
    service.behaviour = 'failing';
    for (let failures = 0; failures < 12; failures += 1) {
      await failureOf(keyEncryption.wrap(dataKey, context));
      now += 5_000;
    }
    expect(service.calls).toBe(12);
  });

  it('remembers a failed unwrapping of one text for a second', async () => {
    service.behaviour = 'denied';
    await failureOf(keyEncryption.unwrap(wrapped, context));
    service.behaviour = 'normal';
    expect(await faultOf(keyEncryption.unwrap(wrapped, context))).toBe('denied');
    expect(service.calls).toBe(1);
    const other = { ...context, dataKeyId: v7() };
    expect(await failureOf(keyEncryption.unwrap(wrapped, other))).toBeInstanceOf(CryptoRefused);
    now += 1_000;
    expect(await keyEncryption.unwrap(wrapped, context)).toEqual(dataKey);
  });

  it('remembers a bounded number of failures', async () => {
    service.behaviour = 'denied';
    await failureOf(keyEncryption.unwrap(wrapped, context));
    for (let index = 0; index < 1_000; index += 1) {
      await failureOf(keyEncryption.unwrap(wrapped, { ...context, dataKeyId: String(index) }));
    }
    service.behaviour = 'normal';
    expect(await keyEncryption.unwrap(wrapped, context)).toEqual(dataKey);
  });

  it('costs nothing while data keys are cached, then fails closed, then recovers', async () => {
    const dataKeys = new DataKeys(keyEncryption, new InMemoryDataKeyStore(), () => now);
    const { id } = await dataKeys.create(context.workspaceId);
    await dataKeys.byId(context.workspaceId, id);
    const outages: KeyServiceBehaviour[] = ['failing', 'denied', 'broken', 'throttled'];
    for (const behaviour of outages) {
      service.behaviour = behaviour;
      service.calls = 0;
      expect((await dataKeys.byId(context.workspaceId, id)).id).toBe(id);
      expect((await dataKeys.active(context.workspaceId)).id).toBe(id);
      expect(service.calls).toBe(0);
      now += 5 * 60_000;
      expect(await failureOf(dataKeys.byId(context.workspaceId, id))).toMatchObject({
        code: 'key_service_unavailable',
      });
      service.behaviour = 'normal';
      now += 5_000;
      expect((await dataKeys.byId(context.workspaceId, id)).id).toBe(id);
    }
  });

  it('is asked once by 500 simultaneous readers', async () => {
    const dataKeys = new DataKeys(keyEncryption, new InMemoryDataKeyStore(), () => now);
    const { id } = await dataKeys.create(context.workspaceId);
    service.calls = 0;
    const readers = Array.from({ length: 500 }, () => dataKeys.byId(context.workspaceId, id));
    await Promise.all(readers);
    expect(service.calls).toBe(1);
  });
});

describe('Vault Transit without its token', () => {
  it('is denied, and asks nobody', async () => {
    service = await new VaultServer().listen();
    const readToken = () => {
      throw new Error('the file is gone: hvs.secret');
    };
    const options = { address: service.url, mount: 'transit', key: 'keyrun', readToken };
    const failure = await failureOf(open(new VaultTransitClient(options)).wrap(dataKey, context));
    expect(failure).toMatchObject({ fault: 'denied' });
    expect(inspect(failure)).not.toContain('hvs.');
    expect(service.calls).toBe(0);
  });
});

describe('AWS KMS that answers for another key', () => {
  it('is not believed', async () => {
    const kms = await new AwsKmsServer().listen();
    service = kms;
    const made = new AwsKmsClient({ keyArn: kms.addKey(), region: null, endpoint: kms.url });
    const wrapped = await open(made).wrap(dataKey, context);
    kms.answersAs = kms.addKey();
    expect(await faultOf(open(made).wrap(dataKey, context))).toBe('invalid_answer');
    expect(await faultOf(open(made).unwrap(wrapped, context))).toBe('invalid_answer');
  });
});
