import { Injectable, Logger } from '@nestjs/common';
import { OutboundPolicy, type ProviderErrorCategory, ProviderFactory } from '../ai-providers';
import { AppError, type Secret } from '../common';
import { CryptoRefused } from '../crypto';
import {
  callerTokenId,
  type PreparedStatement,
  PreparedStatements,
  TenantDatabase,
} from '../database';
import { ApiKeyEntity, type ApiKeyHealth } from './api-key.entity';
import { ApiKeyVault } from './api-key-vault';

/** A key opened for one use: who pays, where it goes, and the secret itself. */
export interface ResolvedCredential {
  readonly workspaceId: string;
  /** Null for a provider that needs no key. */
  readonly keyId: string | null;
  readonly secretVersion: number | null;
  readonly health: ApiKeyHealth | null;
  readonly baseUrl: string | null;
  readonly secret: Secret | null;
}

/** Which key is wanted, and what for. */
export interface CredentialRequest {
  readonly workspaceId: string;
  readonly provider: string;
  /** That key and no other; undefined: the first enabled key of the provider. */
  readonly keyId?: string;
  /** The id of the execution, or `test`. Recorded with every opening of a key. */
  readonly purpose: string;
}

/** How a call with the key ended. */
export type KeyVerdict = 'ok' | 'provider_key_unreadable' | ProviderErrorCategory;

/** What a verdict says of the key; those that are missing say nothing of it. */
const HEALTH_OF_VERDICT: Readonly<Partial<Record<KeyVerdict, ApiKeyHealth>>> = {
  ok: 'active',
  provider_key_unreadable: 'unreadable',
  credential_invalid: 'invalid',
  permission_denied: 'invalid',
  quota_exhausted: 'rate_limited',
  billing_error: 'rate_limited',
  rate_limited: 'rate_limited',
};

type CredentialRow = Pick<
  ApiKeyEntity,
  | 'id'
  | 'workspaceId'
  | 'provider'
  | 'baseUrl'
  | 'encryptedKey'
  | 'secretVersion'
  | 'enabled'
  | 'health'
>;

const KEYLESS = {
  keyId: null,
  secretVersion: null,
  health: null,
  baseUrl: null,
  secret: null,
};

/**
 * Read at each use, never cached: deletion holds from the next request on, on every node. Notes the time of
 * use, once a minute at the most.
 */
const FIND_CREDENTIAL: PreparedStatement = {
  name: 'find_api_key',
  text: `
  SELECT id, workspace_id AS "workspaceId", provider, base_url AS "baseUrl", enabled, health,
         encrypted_key AS "encryptedKey", secret_version AS "secretVersion"
    FROM find_api_key($1, $2, $3, $4)`,
};

/** Opens the key that pays for an execution, and keeps what its use told about it. */
@Injectable()
export class ApiKeyCredentials {
  private readonly logger = new Logger(ApiKeyCredentials.name);

  constructor(
    private readonly statements: PreparedStatements,
    private readonly tenants: TenantDatabase,
    private readonly vault: ApiKeyVault,
    private readonly providerFactory: ProviderFactory,
    private readonly outboundPolicy: OutboundPolicy,
  ) {}

  /**
   * The credential for one execution.
   * @throws {AppError} `validation_failed` for an unknown provider or a key for one without keys, `provider_key_missing` when there is no
   * usable key, `provider_key_unreadable` when it does not open, `blocked_destination` when the outbound policy
   * does not allow its base URL any more. Nothing was sent then.
   */
  async resolve(request: CredentialRequest): Promise<ResolvedCredential> {
    const { workspaceId, provider, purpose } = request;
    if (!this.providerFactory.describe(provider).requiresKey) {
      if (request.keyId !== undefined) throw needsNoKey(provider);
      return { workspaceId, ...KEYLESS };
    }
    let row = await this.find(request);
    for (;;) {
      try {
        return await this.open(row, purpose);
      } catch (error) {
        if (!(error instanceof CryptoRefused)) throw error;
        // A rotation of the data key may have come between reading the row and opening it.
        const current = await this.find({ ...request, keyId: row.id });
        if (current.encryptedKey === row.encryptedKey) return this.refuse(row, purpose, error);
        row = current;
      }
    }
  }

  /**
   * Whether there is a usable key, without opening it.
   * @throws {AppError} as {@link resolve}, except that a key may still turn out not to open.
   */
  async check(request: CredentialRequest): Promise<void> {
    if (this.providerFactory.describe(request.provider).requiresKey) await this.find(request);
  }

  /** Notes what a use of the key told about it; most uses tell nothing new. */
  async noteUse(credential: ResolvedCredential, verdict: KeyVerdict): Promise<void> {
    const health = HEALTH_OF_VERDICT[verdict];
    if (health === undefined || health === credential.health) return;
    await this.noteHealth(credential, health);
  }

  /** Notes the result of a test of the key. */
  async noteTest(credential: ResolvedCredential, verdict: KeyVerdict): Promise<void> {
    const health = HEALTH_OF_VERDICT[verdict];
    await this.noteQuietly(credential, { lastTestedAt: new Date(), ...(health && { health }) });
  }

  private async noteHealth(credential: ResolvedCredential, health: ApiKeyHealth): Promise<void> {
    await this.noteQuietly(credential, { health });
  }

  private async find(request: CredentialRequest): Promise<CredentialRow> {
    const { workspaceId, provider, keyId } = request;
    const [row] = await this.statements.run<CredentialRow>(FIND_CREDENTIAL, [
      workspaceId,
      provider,
      keyId ?? null,
      callerTokenId(),
    ]);
    if (row?.enabled !== true) {
      throw new AppError('provider_key_missing', describeMissing(provider, row, keyId));
    }
    // The policy may have been tightened since the key was saved.
    if (row.baseUrl !== null) this.outboundPolicy.checkBaseUrl(row.baseUrl);
    return row;
  }

  private async open(row: CredentialRow, purpose: string): Promise<ResolvedCredential> {
    return { ...toCredential(row), secret: await this.vault.open(row, purpose) };
  }

  /** What does not open is an incident, not a mistake of the caller's. */
  private async refuse(row: CredentialRow, purpose: string, error: CryptoRefused): Promise<never> {
    const { id: keyId } = row;
    this.vault.noteUnreadable(row, purpose, error);
    this.logger.error({ message: 'a stored key cannot be opened', keyId, reason: error.code });
    await this.noteHealth(toCredential(row), 'unreadable');
    throw new AppError('provider_key_unreadable', undefined, { extensions: { apiKeyId: keyId } });
  }

  /**
   * These notes are a courtesy of the list; a failed one must not fail a paid execution. A verdict on a secret
   * that was replaced meanwhile is dropped.
   */
  private async noteQuietly(
    { workspaceId, keyId, secretVersion }: ResolvedCredential,
    note: Partial<Pick<ApiKeyEntity, 'health' | 'lastTestedAt'>>,
  ): Promise<void> {
    if (keyId === null || secretVersion === null) return;
    try {
      await this.tenants.write(workspaceId, (manager) =>
        manager
          .createQueryBuilder()
          .update(ApiKeyEntity)
          .set({ ...note, updatedAt: () => 'updated_at' })
          .where({ id: keyId, workspaceId, secretVersion })
          .execute(),
      );
    } catch {
      this.logger.warn('the state of an API key could not be noted');
    }
  }
}

function toCredential(row: CredentialRow): ResolvedCredential {
  const { id: keyId, workspaceId, secretVersion, health, baseUrl } = row;
  return { workspaceId, keyId, secretVersion, health, baseUrl, secret: null };
}

/** A key that would be ignored: who names it believes that it pays. */
function needsNoKey(provider: string): AppError {
  return new AppError('validation_failed', 'Invalid: /apiKeyId. See `errors`.', {
    fields: [{ pointer: '/apiKeyId', message: `the provider ${provider} takes no key` }],
  });
}

function describeMissing(provider: string, row: CredentialRow | undefined, keyId?: string): string {
  if (row !== undefined) return `The key for ${provider} is disabled. Enable it or save another.`;
  return keyId === undefined
    ? `No key is saved for ${provider}. Save one with POST …/api-keys.`
    : `There is no key ${keyId} for ${provider} in this workspace.`;
}
