import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { ProviderError } from '../../../src/ai-providers/provider-error';
import {
  OutboundPolicy,
  ProviderTransport,
  type ResolveAddresses,
  type TransportCall,
  type TransportLimits,
} from '../../../src/ai-providers/transport';

export interface TransportUnderTest {
  readonly transport: ProviderTransport;
  /** One generation per call of the function, through that vendor's SDK as the providers use it. */
  readonly generate: Readonly<
    Record<'openai' | 'anthropic', (call: TransportCall) => Promise<unknown>>
  >;
}

const PROMPT = [{ role: 'user' as const, content: 'Hi' }];

/** A transport that may call `host`, with both SDKs on it (no retries, a limit far above the test's). */
export function transportTo(
  host: string,
  options: { limits?: Partial<TransportLimits>; resolveAddresses?: ResolveAddresses } = {},
): TransportUnderTest {
  const policy = new OutboundPolicy({ customBaseUrl: 'allowlist', allowedHosts: [host] });
  const transport = new ProviderTransport({ policy, ...options });
  const shared = {
    apiKey: 'sk-test-key',
    maxRetries: 0,
    timeout: 3_600_000,
    fetch: transport.fetch,
  };
  const openai = new OpenAI({ ...shared, baseURL: `http://${host}/v1` });
  const anthropic = new Anthropic({ ...shared, baseURL: `http://${host}` });
  return {
    transport,
    generate: {
      openai: ({ signal, fetchOptions }) =>
        openai.chat.completions.create({ model: 'm', messages: PROMPT }, { signal, fetchOptions }),
      anthropic: ({ signal, fetchOptions }) =>
        anthropic.messages.create(
          { model: 'm', messages: PROMPT, max_tokens: 9 },
          { signal, fetchOptions },
        ),
    },
  };
}

/** The fields by which retries and the ledger decide, of a promise that must reject with a `ProviderError`. */
export async function failureOf(
  promise: Promise<unknown>,
): Promise<Pick<ProviderError, 'category' | 'retry' | 'billed' | 'upstreamStatus'>> {
  const error = await promise.then(
    () => new Error('resolved'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ProviderError)) throw error;
  const { category, retry, billed, upstreamStatus } = error;
  return { category, retry, billed, ...(upstreamStatus === undefined ? {} : { upstreamStatus }) };
}
