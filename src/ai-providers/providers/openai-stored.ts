import type { AttemptReference } from '../ai-provider.interface';
import { asArray, asObject, isObject, type JsonObject } from './answer';

/** Names under which a stored completion carries the attempt that it belongs to. */
export function toMetadata({ executionId, attemptNumber }: AttemptReference) {
  return { keyrun_execution_id: executionId, keyrun_attempt: String(attemptNumber) };
}

/**
 * The completion of the attempt in an answer of `GET /chat/completions`. Each is compared with the
 * reference once more: an endpoint that does not know the filter lists those of others.
 * @throws {ProviderError} `invalid_response` when the answer is no list.
 */
export function findCompletion(answer: unknown, reference: AttemptReference): JsonObject | null {
  const wanted = Object.entries(toMetadata(reference));
  const isWanted = ({ metadata }: JsonObject) =>
    isObject(metadata) && wanted.every(([name, value]) => metadata[name] === value);
  return asArray(asObject(answer).data).map(asObject).find(isWanted) ?? null;
}
