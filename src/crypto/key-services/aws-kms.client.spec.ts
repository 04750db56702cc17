import { randomBytes } from 'node:crypto';
import { AWS_CREDENTIALS } from '../../../test/support/key-services';
import { ScriptedKeyService } from '../../../test/support/key-services/scripted-key-service';
import { CryptoRefused } from '../crypto.errors';
import { AwsKmsClient } from './aws-kms.client';
import { KeyServiceUnavailable } from './key-service-unavailable';

const ARN = 'arn:aws:kms:eu-central-1:111122223333:key/of-the-test';
const CONTEXT = { workspaceId: 'workspace-1', dataKeyId: 'data-key-1' };
const BLOB = Buffer.from('a ciphertext');
const PAYLOAD = BLOB.toString('base64url');
const dataKey = randomBytes(32);
const variables = { ...process.env };

let service: ScriptedKeyService;
let client: AwsKmsClient;

beforeEach(async () => {
  Object.assign(process.env, AWS_CREDENTIALS);
  service = await new ScriptedKeyService().listen();
  client = new AwsKmsClient({ keyArn: ARN, region: null, endpoint: service.url });
});

afterEach(async () => {
  process.env = { ...variables };
  await service.close();
});

async function outcome(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof KeyServiceUnavailable) return error.fault;
    if (error instanceof CryptoRefused) return error.code;
    throw error;
  }
}

const signal = () => new AbortController().signal;
const encrypt = (context: Parameters<AwsKmsClient['encrypt']>[1] = CONTEXT) =>
  outcome(client.encrypt(dataKey, context, signal()));
const decrypt = () => outcome(client.decrypt(PAYLOAD, CONTEXT, signal()));

describe('AwsKmsClient', () => {
  it('asks to encrypt under the configured key, bound to ids that CloudTrail may show', async () => {
    service.says(200, { KeyId: ARN, CiphertextBlob: BLOB.toString('base64') });
    expect(await encrypt()).toBe(PAYLOAD);
    expect(await encrypt({ ...CONTEXT, workspaceId: null })).toBe(PAYLOAD);
    expect(service.requests.map(({ body }) => body)).toEqual(
      ['workspace-1', 'system'].map((workspaceId) => ({
        KeyId: ARN,
        Plaintext: dataKey.toString('base64'),
        EncryptionContext: { app: 'keyrun', workspaceId, dataKeyId: 'data-key-1' },
      })),
    );
  });

  it('asks to decrypt with the configured key and the same context', async () => {
    service.says(200, { KeyId: ARN, Plaintext: dataKey.toString('base64') });
    expect(await decrypt()).toEqual(dataKey);
    expect(service.requests.map(({ body }) => body)).toEqual([
      {
        KeyId: ARN,
        CiphertextBlob: BLOB.toString('base64'),
        EncryptionContext: { app: 'keyrun', ...CONTEXT },
      },
    ]);
  });

  it('signs for the region of the ARN, or for the one it is told', async () => {
    await encrypt();
    client = new AwsKmsClient({ keyArn: ARN, region: 'us-east-1', endpoint: service.url });
    await encrypt();
    const scopes = service.requests.map(
      ({ headers }) => /Credential=[^/]+\/\d+\/([^/]+)\//.exec(headers.authorization!)![1],
    );
    expect(scopes).toEqual(['eu-central-1', 'us-east-1']);
  });

  it.each([
    ['no ciphertext', { KeyId: ARN }],
    ['an empty ciphertext', { KeyId: ARN, CiphertextBlob: '' }],
    ['another key', { KeyId: `${ARN}2`, CiphertextBlob: BLOB.toString('base64') }],
    ['no key', { CiphertextBlob: BLOB.toString('base64') }],
  ])('does not believe an encryption with %s', async (_name, answer) => {
    service.says(200, answer);
    expect(await encrypt()).toBe('invalid_answer');
  });

  it.each([
    ['no plaintext', { KeyId: ARN }],
    ['31 bytes', { KeyId: ARN, Plaintext: randomBytes(31).toString('base64') }],
    ['33 bytes', { KeyId: ARN, Plaintext: randomBytes(33).toString('base64') }],
    ['another key', { KeyId: `${ARN}2`, Plaintext: dataKey.toString('base64') }],
  ])('does not believe a decryption with %s', async (_name, answer) => {
    service.says(200, answer);
    expect(await decrypt()).toBe('invalid_answer');
  });

  it.each([
    ['InvalidCiphertextException', 'auth_failed'],
    ['IncorrectKeyException', 'auth_failed'],
    ['ThrottlingException', 'throttled'],
    ['LimitExceededException', 'throttled'],
    ['AccessDeniedException', 'denied'],
    ['ExpiredTokenException', 'denied'],
    ['IncompleteSignatureException', 'denied'],
    ['InvalidClientTokenId', 'denied'],
    ['InvalidSignatureException', 'denied'],
    ['MissingAuthenticationTokenException', 'denied'],
    ['UnrecognizedClientException', 'denied'],
    ['DisabledException', 'key_unusable'],
    ['KeyUnavailableException', 'key_unusable'],
    ['KMSInvalidStateException', 'key_unusable'],
    ['NotFoundException', 'key_unusable'],
    ['SomethingNewException', 'failed'],
  ])('takes %s for %s', async (name, fault) => {
    service.says(400, { __type: name, message: 'not for anybody to read' });
    expect(await decrypt()).toBe(fault);
  });

  it('is denied without credentials, and asks nobody', async () => {
    for (const name of Object.keys(AWS_CREDENTIALS)) Reflect.deleteProperty(process.env, name);
    process.env.AWS_EC2_METADATA_DISABLED = 'true';
    process.env.AWS_CONFIG_FILE = '/nowhere';
    process.env.AWS_SHARED_CREDENTIALS_FILE = '/nowhere';
    expect(await decrypt()).toBe('denied');
    expect(service.calls).toBe(0);
  });

  it('takes a cancelled exchange for one out of time', async () => {
    const aborted = AbortSignal.abort();
    expect(await outcome(client.decrypt(PAYLOAD, CONTEXT, aborted))).toBe('timeout');
    expect(await outcome(client.encrypt(dataKey, CONTEXT, aborted))).toBe('timeout');
    expect(service.calls).toBe(0);
  });

  it.each([
    [PAYLOAD, true],
    ['', false],
    [`${PAYLOAD}=`, false],
    [`${PAYLOAD} `, false],
    [` ${PAYLOAD}`, false],
    ['a+/b', false],
    // 'AB' decodes to one byte, which is written 'AA'.
    ['AB', false],
    ['AA', true],
  ])('knows its own payload: %j is %p', (text, expected) => {
    expect(client.isPayload(text)).toBe(expected);
  });
});
