import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartupError } from '../common';
import { Environment } from './environment';

const ARN = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab';
const OTHER_ARN = 'arn:aws:kms:us-east-1:111122223333:key/mrk-99';
const VAULT = {
  KEYRUN_KMS_VAULT_ADDRESS: 'https://vault.example:8200',
  KEYRUN_KMS_VAULT_KEY: 'keyrun',
  KEYRUN_KMS_VAULT_TOKEN: 'hvs.token',
};

function refusalOf(variables: Record<string, string>): string {
  try {
    Environment.parse(variables);
  } catch (error) {
    if (error instanceof StartupError && error.exitCode === 78) return error.message;
    throw error;
  }
  throw new Error('The settings were accepted.');
}

const settingsOf = (variables: Record<string, string>) => Environment.parse(variables).keyServices;

describe('the settings of key services', () => {
  it('are local unless said otherwise', () => {
    expect(settingsOf({})).toEqual({ active: 'local', awsKms: null, vault: null });
  });

  it('take several key ARNs, the first one for wrapping', () => {
    const { awsKms } = settingsOf({
      KEYRUN_KMS: 'aws-kms',
      KEYRUN_KMS_AWS_KEY_ID: `${ARN}, ${OTHER_ARN}`,
      KEYRUN_KMS_AWS_REGION: 'eu-west-1',
      KEYRUN_KMS_AWS_ENDPOINT: 'https://vpce-1.kms.eu-west-1.vpce.amazonaws.com/',
    });
    expect(awsKms).toEqual({
      keyArns: [ARN, OTHER_ARN],
      region: 'eu-west-1',
      endpoint: 'https://vpce-1.kms.eu-west-1.vpce.amazonaws.com',
    });
  });

  it('let a service that does not wrap still unwrap', () => {
    const settings = settingsOf({ ...VAULT, KEYRUN_KMS_AWS_KEY_ID: ARN });
    expect(settings.active).toBe('local');
    expect(settings.awsKms).toEqual({ keyArns: [ARN], region: null, endpoint: null });
    expect(settings.vault).toMatchObject({ mount: 'transit', keys: ['keyrun'] });
  });

  it.each([
    [{ KEYRUN_KMS: 'aws' }, 'KEYRUN_KMS'],
    [{ KEYRUN_KMS: 'aws-kms' }, 'KEYRUN_KMS_AWS_KEY_ID'],
    [{ KEYRUN_KMS: 'vault' }, 'KEYRUN_KMS_VAULT_ADDRESS'],
    [{ KEYRUN_KMS_AWS_KEY_ID: 'alias/keyrun' }, 'ARN of a key'],
    [{ KEYRUN_KMS_AWS_KEY_ID: ARN.replace('key/', 'alias/') }, 'ARN of a key'],
    [{ KEYRUN_KMS_AWS_KEY_ID: `${ARN},` }, 'ARN of a key'],
    [{ KEYRUN_KMS_AWS_ENDPOINT: 'http://kms.example' }, 'https://host'],
    [{ ...VAULT, KEYRUN_KMS_VAULT_ADDRESS: 'http://vault.example:8200' }, 'https://host'],
    [{ ...VAULT, KEYRUN_KMS_VAULT_ADDRESS: 'https://me:secret@vault.example' }, 'https://host'],
    [{ ...VAULT, KEYRUN_KMS_VAULT_ADDRESS: 'https://vault.example/v1' }, 'https://host'],
    [{ ...VAULT, KEYRUN_KMS_VAULT_ADDRESS: 'ftp://127.0.0.1' }, 'https://host'],
    [{ ...VAULT, KEYRUN_KMS_VAULT_ADDRESS: 'vault' }, 'https://host'],
    [{ ...VAULT, KEYRUN_KMS_VAULT_KEY: '' }, 'KEYRUN_KMS_VAULT_KEY'],
    [{ ...VAULT, KEYRUN_KMS_VAULT_KEY: '../sys' }, 'name of a Transit key'],
    [{ ...VAULT, KEYRUN_KMS_VAULT_MOUNT: 'a/../sys?x' }, 'path of a secrets engine'],
    [{ ...VAULT, KEYRUN_KMS_VAULT_TOKEN: '' }, 'KEYRUN_KMS_VAULT_TOKEN_FILE'],
    [{ ...VAULT, KEYRUN_KMS_VAULT_TOKEN_FILE: '/tmp/x' }, 'not both'],
    [{ ...VAULT, KEYRUN_KMS_VAULT_TOKEN: 'hvs.two tokens' }, 'one token'],
  ])('refuse %j', (variables, named) => {
    const message = refusalOf(variables);
    expect(message).toContain(named);
    expect(message).not.toMatch(/secret@|two tokens/);
  });

  it('accept plain http on this machine only', () => {
    for (const address of ['http://127.0.0.1:8200', 'http://[::1]:8200', 'http://localhost:8200']) {
      expect(settingsOf({ ...VAULT, KEYRUN_KMS_VAULT_ADDRESS: address }).vault).toMatchObject({
        address,
      });
    }
  });

  it('hide the token', () => {
    const settings = settingsOf(VAULT);
    expect(JSON.stringify(settings) + String(settings.vault?.readToken())).not.toContain('hvs');
    expect(settings.vault?.readToken().expose()).toBe('hvs.token');
  });

  it('remove the token from the environment of the process', () => {
    const before = { ...process.env };
    try {
      Object.assign(process.env, VAULT);
      Environment.fromProcess();
      expect(process.env.KEYRUN_KMS_VAULT_TOKEN).toBeUndefined();
    } finally {
      process.env = before;
    }
  });

  it('read the token file again each time', () => {
    const directory = mkdtempSync(join(tmpdir(), 'keyrun-token-'));
    const file = join(directory, 'token');
    const variables = { ...VAULT, KEYRUN_KMS_VAULT_TOKEN: '', KEYRUN_KMS_VAULT_TOKEN_FILE: file };
    try {
      expect(refusalOf(variables)).toContain('ENOENT');
      writeFileSync(file, '\n');
      expect(refusalOf(variables)).toContain('one token');
      writeFileSync(file, 'first\n');
      const settings = settingsOf(variables);
      writeFileSync(file, 'second\n');
      expect(settings.vault?.readToken().expose()).toBe('second');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
