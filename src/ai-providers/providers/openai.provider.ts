import OpenAI from 'openai';
import type {
  AIProvider,
  AttemptReference,
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
import { findCompletion, toMetadata } from './openai-stored';
import { ChatStreamReader } from './openai-stream';
import { PLACEHOLDER_KEY, SDK_TIMEOUT_MS, sealedFetch } from './sdk-clients';
import { VendorCall } from './vendor-call';
import { streamAnswer, type StreamOptions } from './vendor-stream';

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
    const { onDelta } = options;
    if (onDelta !== undefined) return this.stream(params, { ...options, onDelta });
    return this.call.run(options, async (call) => {
      const body = toChatRequest(params);
      const answer = await this.client().chat.completions.create(body, this.request(call));
      return this.call.result(params, answer, fromChatCompletion(answer));
    });
  }

  private stream(params: ExecuteParams, options: StreamOptions): Promise<ExecuteResult> {
    return streamAnswer(this.call, {
      params,
      options,
      open: (call) =>
        this.client()
          .chat.completions.create(
            { ...toChatRequest(params), stream: true, stream_options: { include_usage: true } },
            this.request(call),
          )
          .withResponse(),
      createReader: (output) => new ChatStreamReader(params, output),
      readWhole: fromChatCompletion,
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

  findStored(reference: AttemptReference, options: CallOptions): Promise<ExecuteResult | null> {
    return this.call.run(options, async (call) => {
      const query = { metadata: toMetadata(reference), order: 'desc' };
      // Not `chat.completions.list()`: it takes a page of HTML for an empty list.
      const answer = await this.client().get('/chat/completions', { ...this.request(call), query });
      const found = findCompletion(answer, reference);
      if (found === null) return null;
      const stored = fromChatCompletion(found);
      if (stored.usage === null || stored.model === null) return null;
      const params = { model: stored.model, messages: [] };
      return this.call.result(params, { _request_id: found.request_id }, stored);
    });
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
