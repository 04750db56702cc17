import { Injectable } from '@nestjs/common';
import { AuditBuffer } from '../audit-trail';
import type { Secret } from '../common';
import { CryptoRefused, CryptoService } from '../crypto';
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
   * @throws {CryptoRefused} when the key does not open, which is recorded too.
   */
  async open(key: SealedApiKey, purpose: string): Promise<Secret> {
    const { id: subjectId, workspaceId, provider, secretVersion } = key;
    const use = { workspaceId, subjectId, purpose };
    const details = { provider, secretVersion };
    try {
      const secret = await this.crypto.decryptApiKey(key.encryptedKey, sealingContext(key));
      this.auditBuffer.record({ ...use, action: 'api-key.used', details });
      return secret;
    } catch (error) {
      if (error instanceof CryptoRefused) {
        const reason = { ...details, reason: error.code };
        this.auditBuffer.record({ ...use, action: 'api-key.unreadable', details: reason });
      }
      throw error;
    }
  }
}
