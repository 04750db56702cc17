import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { type ContentKey, ContentKeys, CryptoRefused, type StoredContentKey } from '../crypto';
import { TenantDatabase } from '../database';
import { type ContentText, decodeContent, encodeContent } from './content-form';

/** What of which execution a sealed text is. It opens for exactly this place. */
export interface SealedPlace {
  readonly executionId: string;
  readonly field: 'request' | 'output';
}

/**
 * A workspace's content key, opened. Keep it for one execution and no longer: sealing and opening then work while the
 * database is away, and a deleted workspace is still forgotten soon.
 *
 * Both work at once, on the caller's time: 2 KiB take some 30 µs, 32 MiB some 60 ms.
 */
export interface ContentSealer {
  /**
   * @returns version[1] ‖ form[1] ‖ content key id[16] ‖ iv[12] ‖ ciphertext ‖ tag[16], for a column of bytes
   * @throws RangeError if the text is longer than 64 MiB in UTF-8
   */
  seal(text: ContentText, place: SealedPlace): Buffer;

  /**
   * The text that was sealed, character by character.
   * @throws CryptoRefused `malformed`, `auth_failed` (edited, or sealed for another place) or `data_key_missing` (sealed
   * under the content key of another workspace)
   */
  open(sealed: Buffer, place: SealedPlace): string;
}

/**
 * Whether what is sealed does not open and will not by itself: it was changed, or its key is lost. A key service that
 * is away is another thing.
 */
export function isUnreadable(error: unknown): boolean {
  return error instanceof CryptoRefused;
}

/** Seals the prompts and answers of executions. */
@Injectable()
export class ExecutionContent {
  constructor(
    private readonly tenants: TenantDatabase,
    private readonly contentKeys: ContentKeys,
  ) {}

  /**
   * The sealer of the workspace. Its content key is made at first use, and cached for at most 5 minutes. The server asks
   * for itself: that the token of the request is revoked meanwhile ends no execution.
   * @throws CryptoRefused `data_key_missing` if the workspace is gone, `root_key_unknown`, `malformed` or `auth_failed`
   * @throws KeyServiceUnavailable
   */
  async sealer(workspaceId: string): Promise<ContentSealer> {
    const key = await this.contentKeys.cached(workspaceId, () => this.load(workspaceId));
    return {
      seal: (text, place) => key.seal(encodeContent(text), place),
      open: (sealed, place) => decodeContent(key.open(sealed, place)),
    };
  }

  private load(workspaceId: string): Promise<ContentKey> {
    return this.tenants.writeAsServer(workspaceId, async (transaction) => {
      const vault = await this.contentKeys.vault(workspaceId, transaction);
      const found = await find(workspaceId, transaction);
      if (found !== null) return vault.open(found);
      await insertOnce(vault.create(), transaction);
      const stored = await find(workspaceId, transaction);
      if (stored === null) throw new Error('a content key was stored but is not there');
      return vault.open(stored);
    });
  }
}

async function find(
  workspaceId: string,
  transaction: EntityManager,
): Promise<StoredContentKey | null> {
  const [row] = await transaction.query<StoredContentKey[]>(
    `SELECT id, workspace_id AS "workspaceId", encrypted_key AS envelope
       FROM content_keys WHERE workspace_id = $1`,
    [workspaceId],
  );
  return row ?? null;
}

/** Leaves it alone if another node was first. */
async function insertOnce(
  { id, workspaceId, envelope }: StoredContentKey,
  transaction: EntityManager,
): Promise<void> {
  await transaction.query(
    `INSERT INTO content_keys (id, workspace_id, encrypted_key) VALUES ($1, $2, $3)
     ON CONFLICT (workspace_id) DO NOTHING`,
    [id, workspaceId, envelope],
  );
}
