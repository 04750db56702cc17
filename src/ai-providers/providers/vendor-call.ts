import type { Secret } from '../../common';
import type {
  CallOptions,
  CredentialTestResult,
  ExecuteParams,
  ExecuteResult,
  Usage,
} from '../ai-provider.interface';
import { classifyProviderError, reveals, safeRequestId } from '../classify-provider-error';
import type { PricedCost } from '../pricing/cost.types';
import type { PricedTokens } from '../pricing/price-catalog';
import type { ProviderContext } from '../provider-definition';
import { ProviderError } from '../provider-error';
import { CATEGORY_DEFAULTS, type ProviderErrorRules } from '../provider-error-rules';
import type { TransportCall } from '../transport';
import { estimatedUsage, isObject, type VendorAnswer } from './answer';
import { outputWithoutSecret } from './secret-filter';

const MODEL_NAME_MAX = 256;

/** What is the same for every call through a vendor's SDK: transport, classified errors, usage, price. */
export class VendorCall {
  constructor(
    private readonly context: ProviderContext,
    private readonly vendor: { readonly catalogueId: string; readonly errors: ProviderErrorRules },
  ) {}

  get secret(): Secret | null {
    return this.context.secret;
  }

  /**
   * The key, at the last moment: for the headers of one request.
   * @throws {ProviderError} `credential_invalid` when there is none.
   */
  exposeKey(): string {
    if (this.context.secret === null) {
      const category = 'credential_invalid';
      throw new ProviderError({ category, ...CATEGORY_DEFAULTS[category] });
    }
    return this.context.secret.expose();
  }

  /** @throws {ProviderError} whatever goes wrong in the transport, in the SDK or in `work`. */
  async run<T>(options: CallOptions, work: (call: TransportCall) => Promise<T>): Promise<T> {
    try {
      return await this.context.transport.call(options, work);
    } catch (error) {
      const { secret } = this.context;
      throw classifyProviderError(error, { rules: this.vendor.errors, secret });
    }
  }

  result(params: ExecuteParams, raw: unknown, answer: VendorAnswer): ExecuteResult {
    const { secret } = this.context;
    const usage = answer.usage ?? estimatedUsage(params, answer.output);
    return {
      output: outputWithoutSecret(answer.output, secret),
      finishReason: answer.finishReason,
      ...this.metered(params.model, { ...answer, usage }),
      providerRequestId: isObject(raw) ? safeRequestId(raw._request_id, secret) : null,
    };
  }

  /** Usage, price and model of an answer, complete or not; a model name that holds the key is not taken. */
  metered(
    askedFor: string,
    answer: Pick<VendorAnswer, 'model' | 'hasListPrice'> & { readonly usage: Usage },
  ): Pick<ExecuteResult, 'usage' | 'cost' | 'model'> {
    const named = answer.model ?? askedFor;
    const isPlain = named.length <= MODEL_NAME_MAX && !reveals(named, this.context.secret);
    const model = isPlain ? named : askedFor;
    const { usage } = answer;
    return {
      usage,
      cost: answer.hasListPrice ? this.price([model, askedFor], usage) : null,
      model,
    };
  }

  /** The result of a test; a name that holds the key, or is too long for one, is not shown. */
  modelList({ modelCount, model }: CredentialTestResult): CredentialTestResult {
    const isPlain =
      model !== null && model.length <= MODEL_NAME_MAX && !reveals(model, this.context.secret);
    return { modelCount, model: isPlain ? model : null };
  }

  price(models: readonly string[], tokens: PricedTokens): PricedCost | null {
    const vendor = this.vendor.catalogueId;
    return this.context.prices.price({ vendor, models, tokens, at: new Date() });
  }

  /** List price of a call without cached tokens. */
  priceOf(model: string, inputTokens: number, outputTokens: number): PricedCost | null {
    const tokens = { inputTokens, outputTokens, cacheReadTokens: 0, cacheWriteTokens: 0 };
    return this.price([model], tokens);
  }
}
