import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Environment } from '../../src/config';
import { startServer } from '../../src/startup';
import { AWS_CREDENTIALS, AwsKmsServer, VaultServer } from '../support/key-services';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

describe('a start with a key service', () => {
  const variables = { ...process.env };
  let database: TestDatabase;
  let directory: string;
  let vault: VaultServer;

  beforeEach(async () => {
    database = await createTestDatabase();
    directory = await mkdtemp(join(tmpdir(), 'keyrun-start-'));
    vault = await new VaultServer().listen();
    vault.addKey('keyrun');
    vault.addKey('underived', { isDerived: false });
  });

  afterEach(async () => {
    process.env = { ...variables };
    await vault.close();
    await database.drop();
    await rm(directory, { recursive: true });
  });

  async function start(settings: Record<string, string>): Promise<string[]> {
    const environment = Environment.parse({
      NODE_ENV: 'test',
      LOG_LEVEL: 'silent',
      PORT: '0',
      DATABASE_URL: database.url.expose(),
      KEYRUN_DATA_DIR: directory,
      ...settings,
    });
    const server = await startServer(environment);
    await server.close();
    return schemes();
  }

  async function schemes(): Promise<string[]> {
    const rows = await database.dataSource.query<{ scheme: string }[]>(
      `SELECT split_part(wrapped, ':', 2) AS scheme FROM workspace_data_keys ORDER BY 1`,
    );
    return rows.map(({ scheme }) => scheme);
  }

  const vaultSettings = (key = 'keyrun') => ({
    KEYRUN_KMS: 'vault',
    KEYRUN_KMS_VAULT_ADDRESS: vault.url,
    KEYRUN_KMS_VAULT_KEY: key,
    KEYRUN_KMS_VAULT_TOKEN: vault.token,
  });

  it('needs no local root key and makes none', async () => {
    expect(await start(vaultSettings())).toEqual(['vault', 'vault']);
    await expect(stat(join(directory, 'root-key'))).rejects.toThrow(/ENOENT/);
    expect(await start(vaultSettings())).toEqual(['vault', 'vault']);
  });

  it('refuses a Vault key that ignores the context', async () => {
    await expect(start(vaultSettings('underived'))).rejects.toMatchObject({
      exitCode: 78,
      message: expect.stringContaining('derived=true') as string,
    });
  });

  it('opens with the local root key what is not yet wrapped by AWS KMS', async () => {
    Object.assign(process.env, AWS_CREDENTIALS);
    const kms = await new AwsKmsServer().listen();
    const rootKeyFile = join(directory, 'root-key');
    const rootKey = Buffer.from(
      Array.from({ length: 32 }, (_, at) => (at * at * 7 + at * 13) & 255),
    );
    await writeFile(rootKeyFile, `${rootKey.toString('base64')}\n`, { mode: 0o600 });
    try {
      expect(await start({})).toEqual(['local', 'local']);
      const settings = {
        KEYRUN_KMS: 'aws-kms',
        KEYRUN_KMS_AWS_KEY_ID: kms.addKey(),
        KEYRUN_KMS_AWS_ENDPOINT: kms.url,
      };
      expect(await start(settings)).toEqual(['awskms', 'local']);
      expect(kms.contexts).toContainEqual({
        app: 'keyrun',
        workspaceId: 'system',
        dataKeyId: expect.any(String) as string,
      });
      await rm(rootKeyFile);
      await expect(start(settings)).rejects.toMatchObject({ exitCode: 78 });
    } finally {
      await kms.close();
    }
  });
});
