import { randomBytes } from 'node:crypto';
import { ScriptedKeyService } from '../../../test/support/key-services/scripted-key-service';
import { Secret } from '../../common';
import { encodeAssociatedData } from '../associated-data';
import { CryptoRefused } from '../crypto.errors';
import { KeyServiceUnavailable } from './key-service-unavailable';
import { VaultTransitClient } from './vault-transit.client';

const CONTEXT = { workspaceId: 'workspace-1', dataKeyId: 'data-key-1' };
const PAYLOAD = 'vault:v1:AAAAAAAA';
const dataKey = randomBytes(32);

let service: ScriptedKeyService;
let client: VaultTransitClient;

beforeEach(async () => {
  service = await new ScriptedKeyService().listen();
  client = new VaultTransitClient({
    address: service.url,
    mount: 'team/transit',
    key: 'a key/ä',
    readToken: () => new Secret('hvs.of-the-test'),
  });
});

afterEach(() => service.close());

async function outcome(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof KeyServiceUnavailable) return error.fault;
    if (error instanceof CryptoRefused) return error.code;
    throw error;
  }
}

const { signal } = new AbortController();
const encrypt = (context: Parameters<VaultTransitClient['encrypt']>[1] = CONTEXT) =>
  outcome(client.encrypt(dataKey, context, signal));
const decrypt = () => outcome(client.decrypt(PAYLOAD, CONTEXT, signal));
const derivation = (workspaceId: string) =>
  encodeAssociatedData(['keyrun/data-key/v1', workspaceId, 'data-key-1']).toString('base64');

describe('VaultTransitClient', () => {
  it('asks to encrypt with a context that derives a key of its own', async () => {
    service.says(200, { data: { ciphertext: PAYLOAD } });
    expect(await encrypt()).toBe(PAYLOAD);
    expect(await encrypt({ ...CONTEXT, workspaceId: null })).toBe(PAYLOAD);
    const plaintext = dataKey.toString('base64');
    expect(service.requests).toMatchObject(
      ['workspace-1', 'system'].map((workspaceId) => ({
        method: 'POST',
        url: '/v1/team/transit/encrypt/a%20key%2F%C3%A4',
        headers: { 'content-type': 'application/json', 'x-vault-token': 'hvs.of-the-test' },
        body: { plaintext, context: derivation(workspaceId) },
      })),
    );
    expect(client.keyName).toBe('team/transit/a key/ä');
  });

  it('asks to decrypt with the same context', async () => {
    service.says(200, { data: { plaintext: dataKey.toString('base64') } });
    expect(await decrypt()).toEqual(dataKey);
    expect(service.requests).toMatchObject([
      {
        method: 'POST',
        url: '/v1/team/transit/decrypt/a%20key%2F%C3%A4',
        body: { ciphertext: PAYLOAD, context: derivation('workspace-1') },
      },
    ]);
  });

  it.each([
    ['no data', {}],
    ['null', null],
    ['a list', []],
    ['data that is null', { data: null }],
    ['data that is a text', { data: PAYLOAD }],
    ['a number', { data: { ciphertext: 7, plaintext: 7 } }],
    ['a text of another form', { data: { ciphertext: 'vault:v0:AAAA', plaintext: 'AAAA' } }],
    [
      '33 bytes',
      { data: { ciphertext: `${PAYLOAD}!`, plaintext: randomBytes(33).toString('base64') } },
    ],
  ])('does not believe an answer with %s', async (_name, answer) => {
    service.says(200, answer);
    expect([await encrypt(), await decrypt()]).toEqual(['invalid_answer', 'invalid_answer']);
  });

  it.each([
    [201, 'failed'],
    [204, 'failed'],
    [307, 'failed'],
    [400, 'key_unusable'],
    [403, 'denied'],
    [404, 'key_unusable'],
    [429, 'throttled'],
    [500, 'failed'],
    [503, 'failed'],
  ])('takes the status %i for %s', async (status, fault) => {
    const good = { data: { ciphertext: PAYLOAD, plaintext: dataKey.toString('base64') } };
    service.reply = { status, body: status === 204 ? '' : JSON.stringify(good) };
    expect([await encrypt(), await decrypt()]).toEqual([fault, fault]);
  });

  it.each([
    [['invalid ciphertext: no prefix'], 'auth_failed'],
    [['cipher: message authentication failed'], 'auth_failed'],
    [[7, null, 'cipher: message authentication failed'], 'auth_failed'],
    [['an invalid ciphertext'], 'key_unusable'],
    [['the cipher: message authentication failed'], 'key_unusable'],
    [[], 'key_unusable'],
    ['invalid ciphertext', 'key_unusable'],
    [{ 0: 'invalid ciphertext' }, 'key_unusable'],
  ])('takes the errors %j of a decryption for %s', async (errors, fault) => {
    service.says(400, { errors });
    expect(await decrypt()).toBe(fault);
  });

  it('takes a refused connection for unreachable and a late answer for a timeout', async () => {
    const aborted = AbortSignal.abort();
    expect(await outcome(client.encrypt(dataKey, CONTEXT, aborted))).toBe('timeout');
    expect(await outcome(client.decrypt(PAYLOAD, CONTEXT, aborted))).toBe('timeout');
    expect(service.calls).toBe(0);
    service.behaviour = 'silent';
    const late = client.decrypt(PAYLOAD, CONTEXT, AbortSignal.timeout(50));
    expect(await outcome(late)).toBe('timeout');
    service.behaviour = 'broken';
    expect(await decrypt()).toBe('unreachable');
  });

  it('reads no answer of more than 64 KiB', async () => {
    const padding = ' '.repeat(64 * 1024 - 60);
    service.reply = { status: 200, body: `{"data":{"ciphertext":"${PAYLOAD}"}}${padding}` };
    expect(await encrypt()).toBe(PAYLOAD);
    service.reply = { ...service.reply, body: `${service.reply.body}${' '.repeat(100)}` };
    expect(await encrypt()).toBe('unreachable');
  });

  it.each([
    ['vault:v1:AAAA', true],
    ['vault:v123456789:AA==', true],
    ['vault:v0:AAAA', false],
    ['vault:v1234567890:AAAA', false],
    ['vault:v1:', false],
    ['vault:v1:AAA', false],
    ['vault:v1:AB==', false],
    ['vault:v1:AAA=====', false],
    ['vault:v1:A-_A', false],
    [' vault:v1:AAAA', false],
    ['vault:v1:AAAA ', false],
  ])('knows its own payload: %j is %p', (text, expected) => {
    expect(client.isPayload(text)).toBe(expected);
  });
});
