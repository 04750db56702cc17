import { Injectable } from '@nestjs/common';
import { type AuditAction, AuditBuffer, type AuditDetails } from '../audit-trail';
import type { Secret } from '../common';
import { type CryptoRefused, CryptoService } from '../crypto';
import type { ApiKeyEntity } from './api-key.entity';
import { sealingContext } from './api-key-sealing';

/** A saved key, still sealed. */
export type SealedApiKey = Pick<
  ApiKeyEntity,
  'id' | 'workspaceId' | 'provider' | 'baseUrl' | 'encryptedKey' | 'secretVersion'
>;

/** The one place where a saved key is opened: none is without an event that says what for. */
@Injectable()
export class ApiKeyVault {
  constructor(
    private readonly crypto: CryptoService,
    private readonly auditBuffer: AuditBuffer,
  ) {}

  /**
   * @param purpose - the id of the execution, or `test`.
   * @throws {CryptoRefused} when the key does not open. Unless its data key was replaced meanwhile, that goes to
   * {@link noteUnreadable}.
   */
  async open(key: SealedApiKey, purpose: string): Promise<Secret> {
    const secret = await this.crypto.decryptApiKey(key.encryptedKey, sealingContext(key));
    this.record('api-key.used', key, purpose);
    return secret;
  }

  /** Records that the key, as it is stored now, does not open. */
  noteUnreadable(key: SealedApiKey, purpose: string, { code }: CryptoRefused): void {
    this.record('api-key.unreadable', key, purpose, { reason: code });
  }

  private record(
    action: AuditAction,
    { id: subjectId, workspaceId, provider, secretVersion }: SealedApiKey,
    purpose: string,
    more: AuditDetails = {},
  ): void {
    const details = { provider, secretVersion, ...more };
    this.auditBuffer.record({ workspaceId, action, subjectId, purpose, details });
  }
}
