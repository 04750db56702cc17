import type { SealingContext } from '../crypto';
import type { ApiKeyEntity } from './api-key.entity';

/**
 * What a stored key is bound to. The destination is part of it: a row whose base URL was changed by any
 * means but a new secret no longer opens.
 */
export function sealingContext(
  key: Pick<ApiKeyEntity, 'id' | 'workspaceId' | 'provider' | 'baseUrl'>,
): SealingContext {
  return {
    workspaceId: key.workspaceId,
    rowId: key.id,
    provider: key.provider,
    destination: key.baseUrl ?? `preset:${key.provider}`,
    field: 'api_key',
  };
}
