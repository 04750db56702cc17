import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';

import { v7 } from 'uuid';

import { Secret } from '../common';
import { seal } from './aes-gcm';
import { CryptoRefused } from './crypto.errors';
import { CryptoService } from './crypto.service';
import { DataKeys } from './data-keys';
import { ENVELOPE_SQL_PATTERN, MAXIMUM_SECRET_BYTES } from './envelope';
import { LocalKeyEncryption } from './local-key-encryption';
import { generateRootKey, parseRootKey } from './root-key';
import { type SealingContext, secretAssociatedData } from './sealing-context';
import { InMemoryDataKeyStore } from './testing/in-memory-data-key.store';

const PLAINTEXT = 'sk-proj-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST';
const rootKey = parseRootKey(generateRootKey(), 'KEYRUN_ROOT_KEY');
const keyEncryption = new LocalKeyEncryption(rootKey);

let store: InMemoryDataKeyStore;
let dataKeys: DataKeys;
let service: CryptoService;
let context: SealingContext;
let envelope: string;

beforeEach(async () => {
  store = new InMemoryDataKeyStore();
  dataKeys = new DataKeys(keyEncryption, store);
  service = new CryptoService(dataKeys, keyEncryption, store);
  context = {
    workspaceId: v7(),
    rowId: v7(),
    provider: 'openai',
    destination: 'openai',
    field: 'api_key',
  };
  await dataKeys.create(context.workspaceId);
  envelope = await service.encryptApiKey(new Secret(PLAINTEXT), context);
});

async function outcome(text: string, inContext: SealingContext = context): Promise<string> {
  try {
    await service.decryptApiKey(text, inContext);
    return 'opened';
  } catch (error) {
    if (error instanceof CryptoRefused) return error.code;
    throw error;
  }
}

/** Stores the bytes of one workspace's data key under another workspace or id, wrapped for that place. */
async function plantSameDataKey(workspaceId: string, dataKeyId: string): Promise<void> {
  const row = store.rows[0]!;
  const bytes = await keyEncryption.unwrap(row.wrapped, {
    workspaceId: row.workspaceId,
    dataKeyId: row.id,
  });
  const wrapped = await keyEncryption.wrap(bytes, { workspaceId, dataKeyId });
  store.rows.push({ id: dataKeyId, workspaceId, rootKeyId: rootKey.id, wrapped });
}

describe('encryptApiKey and decryptApiKey', () => {
  it.each(['', 'x', PLAINTEXT, 'schlüssel-鍵-🔑', '\0\n\r\t"\\', '\uFEFFbom', '__proto__'])(
    'return %p unchanged',
    async (text) => {
      const sealed = await service.encryptApiKey(new Secret(text), context);
      expect((await service.decryptApiKey(sealed, context)).expose()).toBe(text);
      expect(sealed).toMatch(new RegExp(ENVELOPE_SQL_PATTERN));
    },
  );

  it('gives an envelope that names the data key and shows nothing of the secret', () => {
    expect(envelope.startsWith(`s1:${store.rows[0]!.id}:`)).toBe(true);
    expect(envelope).not.toContain(PLAINTEXT.slice(0, 8));
    expect(Buffer.from(envelope.split(':')[2]!, 'base64url')).toHaveLength(PLAINTEXT.length + 28);
  });

  it('seals the same secret differently each time', async () => {
    const envelopes = new Set([envelope]);
    for (let count = 0; count < 1_000; count += 1) {
      envelopes.add(await service.encryptApiKey(new Secret(PLAINTEXT), context));
    }
    expect(envelopes.size).toBe(1_001);
  });

  it('seals the longest secret and refuses one that could not be read back', async () => {
    const longest = 'x'.repeat(MAXIMUM_SECRET_BYTES);
    const sealed = await service.encryptApiKey(new Secret(longest), context);
    expect((await service.decryptApiKey(sealed, context)).expose()).toBe(longest);
    const refuse = async (text: string, message: string) => {
      const error: unknown = await service
        .encryptApiKey(new Secret(text), context)
        .catch((reason: unknown) => reason);
      expect(error).toEqual(new RangeError(message));
    };
    const tooLong = `A secret has at most ${MAXIMUM_SECRET_BYTES} bytes.`;
    await refuse(`${longest}x`, tooLong);
    await refuse('é'.repeat(MAXIMUM_SECRET_BYTES / 2 + 1), tooLong);
    await refuse('sk-proj-\ud800-lone-surrogate', 'A secret is well-formed Unicode text.');
  });

  it('has nothing to seal with in a workspace without a data key', async () => {
    const sealing = service.encryptApiKey(new Secret(PLAINTEXT), { ...context, workspaceId: v7() });
    await expect(sealing).rejects.toMatchObject({ code: 'data_key_missing' });
  });

  it('opens old envelopes after the workspace got another data key', async () => {
    const retired = store.rows.pop()!;
    await dataKeys.create(context.workspaceId);
    store.rows.push(retired);
    const newer = await service.encryptApiKey(new Secret('newer'), context);
    expect(newer.slice(0, 40)).not.toBe(envelope.slice(0, 40));
    expect((await service.decryptApiKey(newer, context)).expose()).toBe('newer');
    expect((await service.decryptApiKey(envelope, context)).expose()).toBe(PLAINTEXT);
  });

  it('opens with a cached data key without touching the store', async () => {
    const { reads } = store;
    for (let count = 0; count < 50; count += 1) await service.decryptApiKey(envelope, context);
    expect(store.reads).toBe(reads);
  });
});

describe('a changed envelope', () => {
  it('is refused for every change of one character, by every character of the format and others', async () => {
    const characters = Array.from(
      'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_' + ':=+/. \n\0é',
    );
    const opened: string[] = [];
    for (let position = 0; position < envelope.length; position += 1) {
      for (const character of characters) {
        if (envelope[position] === character) continue;
        const changed = envelope.slice(0, position) + character + envelope.slice(position + 1);
        if ((await outcome(changed)) === 'opened') opened.push(`${position}: ${character}`);
      }
    }
    expect(opened).toEqual([]);
  });

  it('is refused for every deletion, doubling and swap of characters and every truncation', async () => {
    const opened: number[] = [];
    for (let at = 0; at < envelope.length; at += 1) {
      const before = envelope.slice(0, at);
      const here = envelope.charAt(at);
      const next = envelope.charAt(at + 1);
      const variants = [
        before,
        envelope.slice(at + 1),
        before + envelope.slice(at + 1),
        before + here + envelope.slice(at),
        before + next + here + envelope.slice(at + 2),
      ];
      for (const variant of variants) {
        if (variant !== envelope && (await outcome(variant)) === 'opened') opened.push(at);
      }
    }
    expect(opened).toEqual([]);
  });

  it('is refused for every flipped bit of IV, ciphertext and tag', async () => {
    const [version, id, payload] = envelope.split(':') as [string, string, string];
    const opened: number[] = [];
    const sealed = Buffer.from(payload, 'base64url');
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      const text = `${version}:${id}:${changed.toString('base64url')}`;
      if ((await outcome(text)) !== 'auth_failed') opened.push(bit);
    }
    expect(opened).toEqual([]);
  });

  it('is refused as null, as an object and as plaintext', async () => {
    for (const text of [
      null,
      undefined,
      {},
      { toString: () => envelope },
      PLAINTEXT,
      '__proto__',
    ]) {
      expect(await outcome(text as string)).toBe('malformed');
    }
  });
});

describe('a moved envelope', () => {
  it('is refused in another workspace that knows the same data key under the same id', async () => {
    const workspaceId = v7();
    await plantSameDataKey(workspaceId, store.rows[0]!.id);
    expect(await outcome(envelope, { ...context, workspaceId })).toBe('auth_failed');
  });

  it('is refused in another workspace together with a copy of the wrapped data key', async () => {
    const workspaceId = v7();
    store.rows.push({ ...store.rows[0]!, workspaceId });
    expect(await outcome(envelope)).toBe('opened');
    expect(await outcome(envelope, { ...context, workspaceId })).toBe('auth_failed');
  });

  it('is refused in another workspace, with a data key of its own or none, also from a warm cache', async () => {
    const workspaceId = v7();
    expect(await outcome(envelope, { ...context, workspaceId })).toBe('data_key_missing');
    await dataKeys.create(workspaceId);
    expect(await outcome(envelope)).toBe('opened');
    expect(await outcome(envelope, { ...context, workspaceId })).toBe('data_key_missing');
  });

  it('is refused under another data key id that holds the same key', async () => {
    const dataKeyId = v7();
    await plantSameDataKey(context.workspaceId, dataKeyId);
    expect(await outcome(envelope.replace(store.rows[0]!.id, dataKeyId))).toBe('auth_failed');
  });

  it.each<[keyof SealingContext, string[]]>([
    ['rowId', [v7(), '']],
    ['provider', ['anthropic', 'OpenAI', 'openai ', '']],
    ['destination', ['https://attacker.example/v1', 'anthropic', '']],
    ['field', ['extra_headers', 'API_KEY', '']],
  ])('is refused for another %s', async (name, values) => {
    for (const value of values) {
      expect(await outcome(envelope, { ...context, [name]: value })).toBe('auth_failed');
    }
    expect(await outcome(envelope)).toBe('opened');
  });

  it('is refused when characters move between neighbouring fields', async () => {
    const shifted = { ...context, provider: 'opena', destination: 'iopenai' };
    expect(await outcome(envelope, shifted)).toBe('auth_failed');
    const swapped = { ...context, field: 'openai', destination: 'api_key' };
    expect(await outcome(envelope, swapped)).toBe('auth_failed');
  });

  it('is refused for a base URL that differs by path, port, scheme or slash', async () => {
    const at = (destination: string): SealingContext => ({ ...context, destination });
    const url = 'https://gateway.example/v1';
    const sealed = await service.encryptApiKey(new Secret(PLAINTEXT), at(url));
    expect(await outcome(sealed, at(url))).toBe('opened');
    for (const other of [
      `${url}/`,
      `${url}2`,
      'https://gateway.example/v2',
      'https://gateway.example:8443/v1',
      'http://gateway.example/v1',
    ]) {
      expect(await outcome(sealed, at(other))).toBe('auth_failed');
    }
  });

  it('is refused when it was sealed for another purpose', async () => {
    const { id, key } = await dataKeys.active(context.workspaceId);
    const data = secretAssociatedData(context, id);
    const rename = (domain: string): string => {
      const changed = Buffer.from(data);
      changed.write(domain, 4);
      return `s1:${id}:${seal(key, Buffer.from(PLAINTEXT), changed).toString('base64url')}`;
    };
    expect(await outcome(rename('keyrun/secret/v1'))).toBe('opened');
    expect(await outcome(rename('keyrun/secret/v2'))).toBe('auth_failed');
  });

  it('does not open under another root key of the same length', async () => {
    const other = new LocalKeyEncryption(parseRootKey(generateRootKey(), 'KEYRUN_ROOT_KEY'));
    service = new CryptoService(new DataKeys(other, store), other, store);
    expect(await outcome(envelope)).toBe('root_key_unknown');
  });
});

describe('what can be printed', () => {
  it('is no secret, no key and no input', async () => {
    const { key } = await dataKeys.active(context.workspaceId);
    const bytes = key.export();
    const refusal: unknown = await service
      .decryptApiKey(envelope, { ...context, field: 'x' })
      .catch((reason: unknown) => reason);
    const opened = await service.decryptApiKey(envelope, context);
    const printed = inspect({ service, refusal, opened, key }, { depth: null, showHidden: true });
    const forms = [bytes, rootKey.key.export()].flatMap((form) => [
      form.toString('hex'),
      form.toString('base64'),
    ]);
    for (const form of [PLAINTEXT, ...forms]) expect(printed).not.toContain(form.slice(0, 16));
    expect(inspect(refusal)).not.toContain(envelope.slice(40, 60));
  });
});

describe('the data handed to the cipher', () => {
  it.each([
    ['too long', 'x'.repeat(MAXIMUM_SECRET_BYTES + 1)],
    ['no Unicode text', 'sk-proj-\ud800-lone-surrogate'],
  ])('is zeroed when the secret is refused because it is %s', async (_name, text) => {
    const length = Buffer.byteLength(text);
    const fills = jest.spyOn(Buffer.prototype, 'fill');
    await expect(service.encryptApiKey(new Secret(text), context)).rejects.toThrow(RangeError);
    const zeroed = (fills.mock.contexts as Buffer[]).filter((buffer) => buffer.length === length);
    fills.mockRestore();
    expect(zeroed).toEqual([Buffer.alloc(length)]);
  });

  it('is zeroed once the envelope is made or opened', async () => {
    const fills = jest.spyOn(Buffer.prototype, 'fill');
    const text = randomBytes(20).toString('hex');
    const sealed = await service.encryptApiKey(new Secret(text), context);
    await service.decryptApiKey(sealed, context);
    const zeroed = (fills.mock.contexts as Buffer[]).filter(({ length }) => length === text.length);
    fills.mockRestore();
    expect(zeroed).toHaveLength(2);
    for (const buffer of zeroed) expect(buffer.equals(Buffer.alloc(text.length))).toBe(true);
  });
});
