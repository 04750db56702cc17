import { Logger } from '@nestjs/common';
import type { ExecuteParams, ExecutionOutput } from '../../ai-providers';
import { AppError } from '../../common';
import { type ContentSealer, type ExecutionContent, isUnreadable } from '../../content';
import {
  CONTENT_FIELDS,
  type ContentField,
  type ExecutionRecord,
  type StoredRequest,
} from './execution-record';
import { isLong, jsonPieces } from '../streams/json-pieces';

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

/** Seals the answer of the model, for its execution only. */
export function sealOutput(
  sealer: ContentSealer,
  executionId: string,
  output: ExecutionOutput,
): Buffer {
  const json = isLong(output)
    ? { [Symbol.iterator]: () => jsonPieces(output) }
    : JSON.stringify(output);
  return sealer.seal(json, { executionId, field: 'output' });
}

/**
 * The sealer for what an execution asks and is answered.
 * @throws {AppError} `content_unreadable` when the content key of the workspace does not open.
 */
export async function sealerOf(
  content: ExecutionContent,
  workspaceId: string,
): Promise<ContentSealer> {
  try {
    return await content.sealer(workspaceId);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    const detail =
      'The content key of the workspace does not open, so nothing that is asked could be stored. Ask the operator.';
    throw new AppError('content_unreadable', detail, { cause: error });
  }
}

/** What is stored of one execution, opened as far as it opens. */
export async function openStored(
  content: ExecutionContent,
  { id, workspaceId }: Pick<ExecutionRecord, 'id' | 'workspaceId'>,
  stored: Readonly<Record<ContentField, Buffer | null>>,
): Promise<Pick<ExecutionRecord, 'request' | 'output' | 'unreadable'>> {
  const opened: Partial<Record<ContentField, unknown>> = {};
  const unreadable: ContentField[] = [];
  for (const field of CONTENT_FIELDS) {
    const sealed = stored[field];
    if (sealed === null) continue;
    try {
      const sealer = await content.sealer(workspaceId);
      opened[field] = JSON.parse(sealer.open(sealed, { executionId: id, field }));
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      unreadable.push(field);
      const { code } = error as { code?: string };
      logger.error({ message: 'stored content does not open', executionId: id, field, code });
    }
  }
  return {
    request: (opened.request ?? null) as StoredRequest | null,
    output: (opened.output ?? null) as ExecutionOutput | null,
    unreadable,
  };
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
