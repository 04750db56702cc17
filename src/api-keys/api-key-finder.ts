import { Injectable } from '@nestjs/common';
import { OutboundPolicy } from '../ai-providers';
import { A_MOMENT, AppError, RecentValues } from '../common';
import { callerTokenId, type PreparedStatement, PreparedStatements } from '../database';
import type { ApiKeyEntity } from './api-key.entity';

type ApiKeyRow = Pick<
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

/** What the database must still say of a key that was found a moment ago. */
export interface AssumedApiKey extends Pick<ApiKeyRow, 'encryptedKey' | 'baseUrl'> {
  /** The key that was asked for; null: the first one of the provider, which it must still be. */
  readonly wantedId: string | null;
}

/** A saved key, sealed, of which all that may pay for an execution is known. */
export interface FoundApiKey extends ApiKeyRow {
  /** Null: it was read for this use. */
  readonly assumption: AssumedApiKey | null;
}

/** Which key is wanted. */
export interface WantedApiKey {
  readonly workspaceId: string;
  readonly provider: string;
  /** That key and no other; undefined: the first enabled key of the provider. */
  readonly keyId?: string;
}

/**
 * Read at each use, so that a deletion holds from the next request on, on every node; see {@link ApiKeyFinder.recall}
 * for the one that is read later. Notes the time of use, once a minute at the most.
 */
const FIND_API_KEY: PreparedStatement = {
  name: 'find_api_key',
  text: `
  SELECT id, workspace_id AS "workspaceId", provider, base_url AS "baseUrl", enabled, health,
         encrypted_key AS "encryptedKey", secret_version AS "secretVersion"
    FROM find_api_key($1, $2, $3, $4)`,
};

/** Finds the key that pays. */
@Injectable()
export class ApiKeyFinder {
  private readonly recent = new RecentValues<FoundApiKey>(A_MOMENT);

  constructor(
    private readonly statements: PreparedStatements,
    private readonly outboundPolicy: OutboundPolicy,
  ) {}

  /**
   * @throws {AppError} `provider_key_missing`; `blocked_destination` when the outbound policy does not allow its base
   * URL any more.
   */
  async find(wanted: WantedApiKey): Promise<FoundApiKey> {
    const { workspaceId, provider, keyId } = wanted;
    const [row] = await this.statements.run<ApiKeyRow>(FIND_API_KEY, [
      workspaceId,
      provider,
      keyId ?? null,
      callerTokenId(),
    ]);
    if (row?.enabled !== true) {
      this.recent.delete(nameOf(wanted));
      throw new AppError('provider_key_missing', describeMissing(provider, row, keyId));
    }
    // The policy may have been tightened since the key was saved.
    if (row.baseUrl !== null) this.outboundPolicy.checkBaseUrl(row.baseUrl);
    const { encryptedKey, baseUrl } = row;
    const assumption = { encryptedKey, baseUrl, wantedId: keyId ?? null };
    this.recent.set(nameOf(wanted), { ...row, assumption });
    return { ...row, assumption: null };
  }

  /**
   * What {@link find} found a moment ago, sealed. It may not be so any more: only for whoever has the assumption
   * confirmed before anything is sent.
   * @returns null: nothing that is recent.
   */
  recall(wanted: WantedApiKey): FoundApiKey | null {
    return this.recent.get(nameOf(wanted)) ?? null;
  }

  /** Something of the key is changed that nobody confirms: its health. */
  forget(workspaceId: string, provider: string, keyId: string): void {
    this.recent.delete(nameOf({ workspaceId, provider }));
    this.recent.delete(nameOf({ workspaceId, provider, keyId }));
  }
}

function nameOf({ workspaceId, provider, keyId }: WantedApiKey): string {
  return `${workspaceId} ${provider} ${keyId}`;
}

function describeMissing(provider: string, row: ApiKeyRow | undefined, keyId?: string): string {
  if (row !== undefined) return `The key for ${provider} is disabled. Enable it or save another.`;
  return keyId === undefined
    ? `No key is saved for ${provider}. Save one with POST …/api-keys.`
    : `There is no key ${keyId} for ${provider} in this workspace.`;
}
