import Anthropic from '@anthropic-ai/sdk';
import type {
  AIProvider,
  CallOptions,
  CredentialTestResult,
  ExecuteParams,
  ExecuteResult,
} from '../ai-provider.interface';
import type { CostEstimate } from '../pricing/cost.types';
import { estimateFrom, estimateInputTokens } from '../pricing/token-estimate';
import type { ProviderContext, ProviderDescription } from '../provider-definition';
import type { TransportCall } from '../transport';
import { readModelList } from './answer';
import { ANTHROPIC_ERRORS } from './anthropic-errors';
import { DEFAULT_MAX_TOKENS, fromMessage, toMessagesRequest } from './anthropic-messages';
import { MessageStreamReader } from './anthropic-stream';
import { PLACEHOLDER_KEY, SDK_TIMEOUT_MS, sealedFetch } from './sdk-clients';
import { VendorCall } from './vendor-call';
import { streamAnswer, type StreamOptions } from './vendor-stream';

const DEFAULT_BASE_URL = 'https://api.anthropic.com';
/** https://platform.claude.com/docs/en/api/versioning; pinned, so that an SDK update cannot change it. */
const API_VERSION = '2026-10-21';
/** The last version that takes `temperature`. */
const SAMPLING_API_VERSION = '2023-06-01';

/** Anthropic over the Messages API, with the official SDK. */
export class AnthropicProvider implements AIProvider {
  static readonly description = {
    id: 'anthropic',
    displayName: 'Anthropic',
    requiresKey: true,
    credentialFields: [
      { name: 'apiKey', label: 'API key', required: true, secret: true, placeholder: 'sk-ant-…' },
    ],
    defaultBaseUrl: DEFAULT_BASE_URL,
    keyPrefixes: ['sk-ant-'],
    capabilities: { tools: true, structuredOutput: true, images: true },
    models: ['claude-opus-5-5', 'claude-opus-5', 'claude-sonnet-5', 'claude-haiku-4-5'],
  } as const satisfies ProviderDescription;

  readonly type = AnthropicProvider.description.id;
  private readonly call: VendorCall;

  constructor(private readonly context: ProviderContext) {
    this.call = new VendorCall(context, { catalogueId: 'anthropic', errors: ANTHROPIC_ERRORS });
  }

  execute(params: ExecuteParams, options: CallOptions): Promise<ExecuteResult> {
    const { onDelta } = options;
    const version = params.temperature === undefined ? API_VERSION : SAMPLING_API_VERSION;
    if (onDelta !== undefined) return this.stream(params, { ...options, onDelta }, version);
    return this.call.run(options, async (call) => {
      const body = toMessagesRequest(params);
      const answer = await this.client().messages.create(body, this.request(call, version));
      return this.call.result(params, answer, fromMessage(answer));
    });
  }

  private stream(
    params: ExecuteParams,
    options: StreamOptions,
    version: string,
  ): Promise<ExecuteResult> {
    return streamAnswer(this.call, {
      params,
      options,
      open: (call) =>
        this.client()
          .messages.create(
            { ...toMessagesRequest(params), stream: true },
            this.request(call, version),
          )
          .withResponse(),
      createReader: (output) => new MessageStreamReader(params, output),
      readWhole: fromMessage,
    });
  }

  estimateCost(params: ExecuteParams): Promise<CostEstimate> {
    const limited = { ...params, maxTokens: params.maxTokens ?? DEFAULT_MAX_TOKENS };
    const estimate = estimateFrom(estimateInputTokens(params), limited, (input, output) =>
      this.call.priceOf(params.model, input, output),
    );
    return Promise.resolve(estimate);
  }

  testCredential(options: CallOptions): Promise<CredentialTestResult> {
    return this.call.run(options, async (call) => {
      const request = { ...this.request(call, API_VERSION), query: { limit: 1000 } };
      // Not `models.list()`: it takes a page of HTML for an empty list.
      const answer = await this.client().get<unknown>('/v1/models', request);
      return this.call.modelList(readModelList(answer));
    });
  }

  private request(call: TransportCall, version: string): Anthropic.RequestOptions {
    return {
      // Carries the limit and the cancellation too: the transport ends the call, not the SDK.
      fetchOptions: call.fetchOptions,
      // Every header that passes `sealedFetch` is set here, over whatever the environment says. The key
      // goes in the header that both API versions, and gateways in front of them, take.
      headers: {
        accept: 'application/json',
        'user-agent': 'keyrun',
        'anthropic-version': version,
        'x-api-key': this.call.exposeKey(),
        authorization: null,
      },
    };
  }

  /** Every option that the SDK would otherwise take from the environment is set. */
  private client(): Anthropic {
    const { transport, clients } = this.context;
    const baseURL = this.context.baseUrl ?? DEFAULT_BASE_URL;
    return clients.get(
      transport,
      `${this.type} ${baseURL}`,
      () =>
        new Anthropic({
          baseURL,
          apiKey: PLACEHOLDER_KEY,
          authToken: null,
          webhookKey: null,
          logLevel: 'off',
          // We trace calls ourselves; the SDK's spans would count them twice.
          openTelemetry: false,
          timeout: SDK_TIMEOUT_MS,
          // Retries are ours: classified, recorded and paid one by one.
          maxRetries: 0,
          fetch: sealedFetch(transport, ['anthropic-version']),
        }),
    );
  }
}
