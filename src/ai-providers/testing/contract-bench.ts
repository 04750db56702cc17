import { inspect } from 'node:util';
import { Secret } from '../../common';
import type {
  AIProvider,
  CallOptions,
  ExecuteParams,
  ExecuteResult,
} from '../ai-provider.interface';
import { PriceCatalog } from '../pricing/price-catalog';
import type { ProviderClass } from '../provider-definition';
import { ProviderError } from '../provider-error';
import { ProviderFactory } from '../provider-factory.service';
import { ProviderList } from '../providers';
import { OutboundPolicy, ProviderTransport, type TransportLimits } from '../transport';

/** Lower case throughout, so that it passes every check of form that an echoed code has to pass. */
export const CONTRACT_KEY = 'sk-test-contract-0123456789abcdef';

/** A factory that knows only the provider under test, and may call only `hosts`. */
export class ContractBench {
  private readonly transport: ProviderTransport;
  private readonly factory: ProviderFactory;

  constructor(
    private readonly provider: ProviderClass,
    hosts: readonly string[],
    limits: Partial<TransportLimits> = {},
  ) {
    const policy = new OutboundPolicy({ customBaseUrl: 'allowlist', allowedHosts: hosts });
    this.transport = new ProviderTransport({ policy, limits });
    const list = new ProviderList([provider]);
    this.factory = new ProviderFactory(this.transport, new PriceCatalog(), list);
  }

  create(baseUrl: string | null, key = CONTRACT_KEY): AIProvider {
    return this.factory.createProvider(this.provider.description.id, new Secret(key), { baseUrl });
  }

  close(): Promise<void> {
    return this.transport.close();
  }
}

/** The error of a call that must fail; it is a `ProviderError` and shows the key nowhere. */
export async function failureOf(
  call: Promise<ExecuteResult>,
  key = CONTRACT_KEY,
): Promise<ProviderError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ProviderError)) {
    throw new Error(`expected a ProviderError, got ${inspect(error)}`);
  }
  const everything = [
    error.message,
    error.stack ?? '',
    JSON.stringify(error),
    inspect(error, { depth: 20, showHidden: true }),
  ].join('\n');
  expect(`${everything}${JSON.stringify(error.output ?? null)}${error.model ?? ''}`).not.toContain(
    key,
  );
  expect(error.cause).toBeUndefined();
  return error;
}

export function paramsFor(model: string, text = 'Say hello.'): ExecuteParams {
  return { model, messages: [{ role: 'user', content: text }] };
}

export function within(timeoutMs: number, signal?: AbortSignal): CallOptions {
  return { timeoutMs, signal };
}

/** The URLs that a provider asks for without a base URL, of a transport that sends nothing anywhere. */
export async function presetUrlsOf(provider: ProviderClass, model: string): Promise<string[]> {
  const urls: string[] = [];
  const transport = {
    call: (_options: CallOptions, work: (call: object) => Promise<unknown>) =>
      work({ signal: new AbortController().signal, fetchOptions: {} }),
    fetch: (input: unknown) => {
      urls.push(String(input));
      return Promise.resolve(Response.json({}));
    },
  } as unknown as ProviderTransport;
  const factory = new ProviderFactory(transport, new PriceCatalog(), new ProviderList([provider]));
  const made = factory.createProvider(provider.description.id, new Secret(CONTRACT_KEY));
  await Promise.allSettled([
    made.execute(paramsFor(model), within(1000)),
    made.testCredential(within(1000)),
  ]);
  return urls;
}
