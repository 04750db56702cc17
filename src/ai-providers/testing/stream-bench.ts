import type {
  CallOptions,
  ExecuteParams,
  ExecuteResult,
  ExecutionDelta,
} from '../ai-provider.interface';
import type { TransportLimits } from '../transport';
import type {
  AiProviderContract,
  ContractBehaviour,
  ContractUpstream,
  ContractWire,
  NetworkContract,
} from './ai-provider-contract';
import { ContractBench, CONTRACT_KEY, paramsFor } from './contract-bench';

/** A streamed call under way and what it has reported so far. */
export interface StreamUnderTest {
  readonly deltas: readonly ExecutionDelta[];
  readonly result: Promise<ExecuteResult>;
  /** The text reported so far. */
  text(): string;
  /** Resolves when this much text has been reported. */
  untilText(text: string): Promise<void>;
}

/** A provider under test and the upstream that plays its vendor, for the streaming part of the contract. */
export class StreamBench<Upstream extends ContractUpstream> {
  private constructor(
    readonly upstream: Upstream,
    private readonly bench: ContractBench,
    private readonly contract: AiProviderContract<Upstream>,
    private readonly network: NetworkContract<Upstream>,
  ) {}

  static async open<Upstream extends ContractUpstream>(
    contract: AiProviderContract<Upstream>,
    network: NetworkContract<Upstream>,
    limits?: Partial<TransportLimits>,
  ): Promise<StreamBench<Upstream>> {
    const upstream = await network.startUpstream();
    const bench = new ContractBench(contract.provider, [upstream.host], limits);
    return new StreamBench(upstream, bench, contract, network);
  }

  async close(): Promise<void> {
    await this.bench.close();
    await this.upstream.close();
  }

  /** Makes one streamed call that the upstream answers with the behaviour. */
  answer(
    behaviour: ContractBehaviour,
    options: Partial<CallOptions> = {},
    params: Partial<ExecuteParams> = {},
  ): StreamUnderTest {
    this.upstream.script([behaviour]);
    return this.start(options, params);
  }

  /** Makes one streamed call whose answer the script plays. */
  play(
    stream: (wire: ContractWire) => void | Promise<void>,
    options?: Partial<CallOptions>,
  ): StreamUnderTest {
    return this.answer({ stream }, options);
  }

  /** The same call without streaming. */
  whole(behaviour: ContractBehaviour): Promise<ExecuteResult> {
    this.upstream.script([behaviour]);
    return this.create().execute(paramsFor(this.contract.model), { timeoutMs: 5000 });
  }

  private start(options: Partial<CallOptions>, params: Partial<ExecuteParams>): StreamUnderTest {
    const deltas: ExecutionDelta[] = [];
    let heard: () => void = () => undefined;
    const text = () => deltas.map((delta) => (delta.type === 'text' ? delta.text : '')).join('');
    const result = this.create().execute(
      { ...paramsFor(this.contract.model), ...params },
      {
        timeoutMs: 5000,
        ...options,
        onDelta: (delta) => {
          deltas.push(delta);
          heard();
          options.onDelta?.(delta);
        },
      },
    );
    result.catch(() => undefined);
    const untilText = async (wanted: string) => {
      while (text() !== wanted) await new Promise<void>((resolve) => (heard = resolve));
    };
    return { deltas, result, text, untilText };
  }

  private create() {
    return this.bench.create(this.network.baseUrlOf(this.upstream), CONTRACT_KEY);
  }
}
