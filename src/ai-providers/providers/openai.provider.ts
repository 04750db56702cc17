import OpenAI from 'openai';
import type {
  AIProvider,
  CallOptions,
  CredentialTestResult,
  ExecuteParams,
  ExecuteResult,
} from '../ai-provider.interface';
import type { CostEstimate } from '../pricing/cost.types';
import { loadO200kTokenizer } from '../pricing/o200k-tokenizer';
import { estimateFrom, estimateInputTokens } from '../pricing/token-estimate';
import type { ProviderContext, ProviderDescription } from '../provider-definition';
import type { TransportCall } from '../transport';
import { readModelList } from './answer';
import { OPENAI_ERRORS } from './openai-errors';
import { fromChatCompletion, toChatRequest } from './openai-messages';
import { PLACEHOLDER_KEY, SDK_TIMEOUT_MS, sealedFetch } from './sdk-clients';
import { VendorCall } from './vendor-call';

const DEFAULT_BASE_URL = 'https://api.openai.com/v1';

/** OpenAI over Chat Completions, with the official SDK. */
export class OpenAIProvider implements AIProvider {
  static readonly description = {
    id: 'openai',
    displayName: 'OpenAI',
    requiresKey: true,
    credentialFields: [
      { name: 'apiKey', label: 'API key', required: true, secret: true, placeholder: 'sk-proj-…' },
    ],
    defaultBaseUrl: DEFAULT_BASE_URL,
    keyPrefixes: ['sk-svcacct-', 'sk-proj-', 'sk-'],
    capabilities: { tools: true, structuredOutput: true, images: true },
    models: ['gpt-6-sol', 'gpt-6-luna', 'gpt-5.5', 'gpt-5.4-mini', 'gpt-5-mini', 'gpt-4o-mini'],
  } as const satisfies ProviderDescription;

  readonly type = OpenAIProvider.description.id;
  private readonly call: VendorCall;

  constructor(private readonly context: ProviderContext) {
    this.call = new VendorCall(context, { catalogueId: 'openai', errors: OPENAI_ERRORS });
  }

  execute(params: ExecuteParams, options: CallOptions): Promise<ExecuteResult> {
    return this.call.run(options, async (call) => {
      const body = toChatRequest(params);
      const answer = await this.client().chat.completions.create(body, this.request(call));
      return this.call.result(params, answer, fromChatCompletion(answer));
    });
  }

  async estimateCost(params: ExecuteParams): Promise<CostEstimate> {
    const input = estimateInputTokens(params, await loadO200kTokenizer());
    return estimateFrom(input, params, (inputTokens, outputTokens) =>
      this.call.priceOf(params.model, inputTokens, outputTokens),
    );
  }

  testCredential(options: CallOptions): Promise<CredentialTestResult> {
    return this.call.run(options, async (call) =>
      // Not `models.list()`: it takes a page of HTML for an empty list.
      this.call.modelList(
        readModelList(await this.client().get<unknown>('/models', this.request(call))),
      ),
    );
  }

  private request(call: TransportCall): OpenAI.RequestOptions {
    return {
      // Carries the limit and the cancellation too: the transport ends the call, not the SDK.
      fetchOptions: call.fetchOptions,
      // Every header that passes `sealedFetch` is set here, over whatever the environment says.
      headers: {
        accept: 'application/json',
        'user-agent': 'keyrun',
        authorization: `Bearer ${this.call.exposeKey()}`,
        'x-api-key': null,
      },
    };
  }

  /** Every option that the SDK would otherwise take from the environment is set. */
  private client(): OpenAI {
    const { transport, clients } = this.context;
    const baseURL = this.context.baseUrl ?? DEFAULT_BASE_URL;
    return clients.get(
      transport,
      `${this.type} ${baseURL}`,
      () =>
        new OpenAI({
          baseURL,
          apiKey: PLACEHOLDER_KEY,
          adminAPIKey: null,
          organization: null,
          project: null,
          webhookSecret: null,
          logLevel: 'off',
          timeout: SDK_TIMEOUT_MS,
          // Retries are ours: classified, recorded and paid one by one.
          maxRetries: 0,
          fetch: sealedFetch(transport),
        }),
    );
  }
}
