import { encodeAssociatedData } from './associated-data';

const DOMAIN = 'keyrun/secret/v1';

/**
 * Where a sealed secret belongs. Every field is authenticated: opening with any other value is refused. Only
 * immutable facts belong here; changing one means sealing the secret again.
 */
export interface SealingContext {
  readonly workspaceId: string;
  /** Id of the row that stores the envelope. */
  readonly rowId: string;
  readonly provider: string;
  /** Where the secret may be sent: the preset's name, or the whole canonical base URL with its path. */
  readonly destination: string;
  /** Column that stores the envelope, for example `api_key`. */
  readonly field: string;
}

/** The associated data that binds a secret to its context and to the data key named in its envelope. */
export function secretAssociatedData(context: SealingContext, dataKeyId: string): Buffer {
  return encodeAssociatedData([
    DOMAIN,
    context.workspaceId,
    context.rowId,
    context.provider,
    context.destination,
    context.field,
    dataKeyId,
  ]);
}
