import { Logger } from '@nestjs/common';
import type { ExecuteParams, ExecutionOutput } from '../../ai-providers';
import type { ContentSealer } from '../../content';
import type { StoredRequest } from './execution-record';

const logger = new Logger('StoredContent');

/** Seals what is asked of the model, for its execution only. */
export function sealRequest(
  sealer: ContentSealer,
  executionId: string,
  params: ExecuteParams,
): Buffer {
  const request: StoredRequest = { ...params, storeAs: undefined };
  return sealer.seal(JSON.stringify(request), { executionId, field: 'request' });
}

/** @throws {CryptoRefused} when it was sealed elsewhere or changed. */
export function openRequest(
  sealer: ContentSealer,
  executionId: string,
  sealed: Buffer,
): StoredRequest {
  return JSON.parse(sealer.open(sealed, { executionId, field: 'request' })) as StoredRequest;
}

/** Seals the answer of the model, for its execution only. */
export function sealOutput(
  sealer: ContentSealer,
  executionId: string,
  output: ExecutionOutput,
): Buffer {
  return sealer.seal(JSON.stringify(output), { executionId, field: 'output' });
}

/** @throws {CryptoRefused} when it was sealed elsewhere or changed. */
export function openOutput(
  sealer: ContentSealer,
  executionId: string,
  sealed: Buffer,
): ExecutionOutput {
  return JSON.parse(sealer.open(sealed, { executionId, field: 'output' })) as ExecutionOutput;
}

/** Sealed; null when it is not kept, or too long to be: an answer is told and metered all the same. */
export function storableOutput(
  sealer: ContentSealer | null,
  executionId: string,
  output: ExecutionOutput | null,
): Buffer | null {
  if (sealer === null || output === null) return null;
  try {
    return sealOutput(sealer, executionId, output);
  } catch (error) {
    const { name } = error as Error;
    logger.error({ message: 'an answer cannot be stored', executionId, name });
    return null;
  }
}
