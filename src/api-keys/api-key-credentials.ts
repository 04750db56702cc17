import { Injectable, Logger } from '@nestjs/common';
import { type ProviderErrorCategory, ProviderFactory } from '../ai-providers';
import { AppError, type Secret } from '../common';
import { CryptoRefused } from '../crypto';
import { TenantDatabase } from '../database';
import { ApiKeyEntity, type ApiKeyHealth } from './api-key.entity';
import { ApiKeyFinder, type AssumedApiKey, type FoundApiKey } from './api-key-finder';
import { ApiKeyVault } from './api-key-vault';

/** A key opened for one use: who pays, where it goes, and the secret itself. */
export interface ResolvedCredential {
  readonly workspaceId: string;
  readonly provider: string;
  /** Null for a provider that needs no key. */
  readonly keyId: string | null;
  readonly secretVersion: number | null;
  readonly health: ApiKeyHealth | null;
  readonly baseUrl: string | null;
  readonly secret: Secret | null;
  /** What is to be confirmed before anything is sent with it; null: nothing, it was read for this use. */
  readonly assumption: AssumedApiKey | null;
}

/** Which key is wanted, and what for. */
export interface CredentialRequest {
  readonly workspaceId: string;
  readonly provider: string;
  /** That key and no other; undefined: the first enabled key of the provider. */
  readonly keyId?: string;
  /** The id of the execution, or `test`. Recorded with every opening of a key. */
  readonly purpose: string;
  /** The key may be taken as it was a moment ago; its {@link ResolvedCredential.assumption} is to be confirmed then. */
  readonly mayRecall?: boolean;
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

const KEYLESS = {
  keyId: null,
  secretVersion: null,
  health: null,
  baseUrl: null,
  secret: null,
  assumption: null,
};

/** Opens the key that pays for an execution, and keeps what its use told about it. */
@Injectable()
export class ApiKeyCredentials {
  private readonly logger = new Logger(ApiKeyCredentials.name);

  constructor(
    private readonly finder: ApiKeyFinder,
    private readonly tenants: TenantDatabase,
    private readonly vault: ApiKeyVault,
    private readonly providerFactory: ProviderFactory,
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
      return { workspaceId, provider, ...KEYLESS };
    }
    const recalled = request.mayRecall === true ? this.finder.recall(request) : null;
    let row = recalled ?? (await this.finder.find(request));
    for (;;) {
      try {
        return await this.open(row, purpose);
      } catch (error) {
        if (!(error instanceof CryptoRefused)) throw error;
        // A rotation of the data key may have come between reading the row and opening it.
        const current = await this.finder.find({ ...request, keyId: row.id });
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
    if (this.providerFactory.describe(request.provider).requiresKey)
      await this.finder.find(request);
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

  private async open(row: FoundApiKey, purpose: string): Promise<ResolvedCredential> {
    return { ...toCredential(row), secret: await this.vault.open(row, purpose) };
  }

  /** What does not open is an incident, not a mistake of the caller's. */
  private async refuse(row: FoundApiKey, purpose: string, error: CryptoRefused): Promise<never> {
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
    { workspaceId, provider, keyId, secretVersion }: ResolvedCredential,
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
    } finally {
      this.finder.forget(workspaceId, provider, keyId);
    }
  }
}

function toCredential(row: FoundApiKey): ResolvedCredential {
  const { id: keyId, workspaceId, provider, secretVersion, health, baseUrl, assumption } = row;
  return { workspaceId, provider, keyId, secretVersion, health, baseUrl, secret: null, assumption };
}

/** A key that would be ignored: who names it believes that it pays. */
function needsNoKey(provider: string): AppError {
  return new AppError('validation_failed', 'Invalid: /apiKeyId. See `errors`.', {
    fields: [{ pointer: '/apiKeyId', message: `the provider ${provider} takes no key` }],
  });
}
