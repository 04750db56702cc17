import { ProviderError } from '../provider-error';

/** The stream ended in order, but the vendor never said that the answer is complete. */
export function withoutTerminalMarker(): ProviderError {
  return new ProviderError({
    category: 'response_truncated',
    retry: 'ambiguous',
    billed: 'unknown',
  });
}

/** A stream that is no answer of a model, however it would go on; repeating changes nothing. */
export function unusableStream(): ProviderError {
  return new ProviderError({ category: 'invalid_response', retry: 'never', billed: 'partial' });
}
