import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Secret } from '../common';
import { CryptoService } from './crypto.service';
import type { StoredDataKey } from './data-key.store';
import { DataKeys } from './data-keys';
import { LocalKeyEncryption } from './local-key-encryption';
import { parseRootKey } from './root-key';
import type { SealingContext } from './sealing-context';
import { InMemoryDataKeyStore } from './testing/in-memory-data-key.store';

interface Fixture {
  rootKey: string;
  rootKeyId: string;
  dataKeys: (StoredDataKey & { key: string })[];
  secrets: { plaintext: string; context: SealingContext; envelope: string }[];
  token: { text: string; digest: string };
}

const fixture = JSON.parse(
  readFileSync(join(__dirname, '__fixtures__', 'frozen-vectors.json'), 'utf8'),
) as Fixture;
const [systemDataKey, dataKey] = fixture.dataKeys as [
  Fixture['dataKeys'][0],
  Fixture['dataKeys'][0],
];
const { subtle } = globalThis.crypto;

/** A second implementation of the formats, on WebCrypto alone. */
const second = {
  associatedData(fields: string[]): Uint8Array<ArrayBuffer> {
    const bytes: number[] = [];
    for (const field of fields) {
      const text = new TextEncoder().encode(field);
      for (const shift of [24, 16, 8, 0]) bytes.push((text.length >>> shift) & 0xff);
      bytes.push(...text);
    }
    return new Uint8Array(bytes);
  },

  decode(text: string): Uint8Array<ArrayBuffer> {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    return Uint8Array.from(binary, (character) => character.charCodeAt(0));
  },

  async key(bytes: Uint8Array<ArrayBuffer>): ReturnType<typeof subtle.importKey> {
    return subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']);
  },

  async open(key: Uint8Array<ArrayBuffer>, payload: string, fields: string[]): Promise<Uint8Array> {
    const sealed = second.decode(payload);
    const parameters = {
      name: 'AES-GCM',
      iv: sealed.slice(0, 12),
      additionalData: second.associatedData(fields),
      tagLength: 128,
    };
    return new Uint8Array(
      await subtle.decrypt(parameters, await second.key(key), sealed.slice(12)),
    );
  },

  async seal(key: Uint8Array<ArrayBuffer>, text: string, fields: string[]): Promise<string> {
    const iv = globalThis.crypto.getRandomValues(new Uint8Array(12));
    const parameters = { name: 'AES-GCM', iv, additionalData: second.associatedData(fields) };
    const plaintext = new TextEncoder().encode(text);
    const sealed = new Uint8Array(
      await subtle.encrypt(parameters, await second.key(key), plaintext),
    );
    const binary = String.fromCharCode(...iv, ...sealed);
    return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  },

  async derive(
    key: Uint8Array<ArrayBuffer>,
    info: string,
    size: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const base = await subtle.importKey('raw', key, 'HKDF', false, ['deriveBits']);
    const parameters = {
      name: 'HKDF',
      hash: 'SHA-256',
      salt: new Uint8Array(0),
      info: new TextEncoder().encode(info),
    };
    return new Uint8Array(await subtle.deriveBits(parameters, base, size * 8));
  },
};

const fromHex = (hex: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(hex, 'hex'));

const secretFields = (context: SealingContext, dataKeyId: string): string[] => [
  'keyrun/secret/v1',
  context.workspaceId,
  context.rowId,
  context.provider,
  context.destination,
  context.field,
  dataKeyId,
];

const rootKey = parseRootKey(new Secret(fixture.rootKey), 'KEYRUN_ROOT_KEY');
const keyEncryption = new LocalKeyEncryption(rootKey);
const store = new InMemoryDataKeyStore();
store.rows.push(...fixture.dataKeys);
const service = new CryptoService(new DataKeys(keyEncryption, store), keyEncryption, store);

describe('frozen vectors', () => {
  it('hold the id of the root key, also by WebCrypto', async () => {
    expect(rootKey.id).toBe(fixture.rootKeyId);
    const id = await second.derive(second.decode(fixture.rootKey), 'keyrun/root-key-id/v1', 12);
    expect(Buffer.from(id).toString('base64url')).toBe(fixture.rootKeyId);
  });

  it.each(fixture.dataKeys)('hold the wrapped data key $id, also by WebCrypto', async (row) => {
    const context = { workspaceId: row.workspaceId, dataKeyId: row.id };
    expect((await keyEncryption.unwrap(row.wrapped, context)).toString('hex')).toBe(row.key);
    const [version, scheme, rootKeyId, payload] = row.wrapped.split(':') as [
      string,
      string,
      string,
      string,
    ];
    expect([version, scheme, rootKeyId]).toEqual(['w1', 'local', fixture.rootKeyId]);
    const fields = ['keyrun/data-key/v1', rootKeyId, row.workspaceId ?? 'system', row.id];
    const opened = await second.open(second.decode(fixture.rootKey), payload, fields);
    expect(Buffer.from(opened).toString('hex')).toBe(row.key);
  });

  it.each(fixture.secrets)(
    'hold the secret of $context.provider, also by WebCrypto',
    async (vector) => {
      const { plaintext, context, envelope } = vector;
      expect((await service.decryptApiKey(envelope, context)).expose()).toBe(plaintext);
      const [version, dataKeyId, payload] = envelope.split(':') as [string, string, string];
      expect([version, dataKeyId]).toEqual(['s1', dataKey.id]);
      const opened = await second.open(
        fromHex(dataKey.key),
        payload,
        secretFields(context, dataKeyId),
      );
      expect(new TextDecoder().decode(opened)).toBe(plaintext);
    },
  );

  it('hold the digest of a token, also by WebCrypto', async () => {
    const { text, digest } = fixture.token;
    expect((await service.digestToken(text)).toString('hex')).toBe(digest);
    const key = await second.derive(fromHex(systemDataKey.key), 'keyrun/access-token/v1', 32);
    const hmac = await subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, [
      'sign',
    ]);
    const signed = await subtle.sign('HMAC', hmac, new TextEncoder().encode(text));
    expect(Buffer.from(signed).toString('hex')).toBe(digest);
  });

  it('pass the check at boot', async () => {
    await service.verifyRootKey();
  });
});

describe('WebCrypto', () => {
  const { context } = fixture.secrets[2]!;
  const text = 'sk-fresh-0123456789-ü';

  it('opens what we seal', async () => {
    const envelope = await service.encryptApiKey(new Secret(text), context);
    const payload = envelope.split(':')[2]!;
    const opened = await second.open(
      fromHex(dataKey.key),
      payload,
      secretFields(context, dataKey.id),
    );
    expect(new TextDecoder().decode(opened)).toBe(text);
  });

  it('seals what we open', async () => {
    const payload = await second.seal(
      fromHex(dataKey.key),
      text,
      secretFields(context, dataKey.id),
    );
    const opened = await service.decryptApiKey(`s1:${dataKey.id}:${payload}`, context);
    expect(opened.expose()).toBe(text);
  });
});
