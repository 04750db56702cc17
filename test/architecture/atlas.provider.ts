import {
  type AIProvider,
  type CallOptions,
  costOf,
  type CostEstimate,
  type CredentialTestResult,
  type ExecuteParams,
  type ExecuteResult,
  type ProviderContext,
  type ProviderDescription,
  ProviderError,
} from '../../src/ai-providers';

const PRICE = {
  catalogue: 'atlas@1',
  model: 'atlas-1',
  inputNanoUsdPerMillion: '3000000000',
  outputNanoUsdPerMillion: '9000000000',
  cacheReadNanoUsdPerMillion: null,
  cacheWriteNanoUsdPerMillion: null,
};

interface AtlasAnswer {
  readonly text: string;
  readonly read: number;
  readonly written: number;
}

/** A vendor that only the test knows: a wire format, a header for the key and a price of its own. */
export class AtlasProvider implements AIProvider {
  static readonly description = {
    id: 'atlas',
    displayName: 'Atlas',
    requiresKey: true,
    credentialFields: [
      { name: 'apiKey', label: 'Key', required: true, secret: true, placeholder: null },
    ],
    defaultBaseUrl: 'https://atlas.example',
    keyPrefixes: ['atl-'],
    capabilities: { tools: false, structuredOutput: false, images: false },
    models: ['atlas-1'],
  } as const satisfies ProviderDescription;

  readonly type = AtlasProvider.description.id;

  constructor(private readonly context: ProviderContext) {}

  async execute({ model, messages }: ExecuteParams, options: CallOptions): Promise<ExecuteResult> {
    const prompt = JSON.stringify(messages);
    const { text, read, written } = await this.ask('/say', { model, prompt }, options);
    const tokens = { inputTokens: read, outputTokens: written, ...NOT_CACHED };
    return {
      output: { content: text, toolCalls: [] },
      finishReason: 'stop',
      usage: { ...tokens, reasoningTokens: 0, source: 'provider' },
      cost: costOf(tokens, PRICE),
      model,
      providerRequestId: null,
    };
  }

  estimateCost(): Promise<CostEstimate> {
    return Promise.resolve({ inputTokens: 1, nanoUsd: { low: 3n, high: 12n }, method: 'exact' });
  }

  async testCredential(options: CallOptions): Promise<CredentialTestResult> {
    await this.ask('/whoami', {}, options);
    return { modelCount: null, model: 'atlas-1' };
  }

  private ask(path: string, body: object, options: CallOptions): Promise<AtlasAnswer> {
    const { transport, secret, baseUrl } = this.context;
    return transport.call(options, async ({ fetchOptions }) => {
      const answer = await transport.fetch(`${baseUrl ?? ''}${path}`, {
        method: 'POST',
        headers: { 'x-atlas-key': secret!.expose() },
        body: JSON.stringify(body),
        ...fetchOptions,
      });
      if (answer.status === 418) {
        throw new ProviderError({ category: 'credential_invalid', retry: 'never', billed: 'no' });
      }
      if (!answer.ok) {
        throw new ProviderError({ category: 'overloaded', retry: 'transient', billed: 'no' });
      }
      return (await answer.json()) as AtlasAnswer;
    });
  }
}

const NOT_CACHED = { cacheReadTokens: 0, cacheWriteTokens: 0 };
