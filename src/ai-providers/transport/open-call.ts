import type { CallOptions } from '../ai-provider.interface';
import type { ProviderError } from '../provider-error';
import type { Exchange, ExchangeObserver } from './exchange';
import { cancelled, type CallPhase, secondRequest, timedOut } from './transport-failure';

/** Largest delay of a Node timer; above it a timer fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const OPEN_CALL = Symbol('keyrun.transport.call');

/** Carries the call through an SDK, which copies unknown members of `fetchOptions` to its `fetch`. */
export interface TransportFetchOptions {
  /** Redirects are refused whatever this says; it is here to be seen. */
  readonly redirect: 'error';
  readonly [OPEN_CALL]: OpenCall;
}

/** What `work` gets from `ProviderTransport.call`. */
export interface TransportCall {
  /** Aborts when the call has failed or the caller gave up. For the SDK's `signal`; optional. */
  readonly signal: AbortSignal;
  /** For the SDK's `fetchOptions`; required. */
  readonly fetchOptions: TransportFetchOptions;
}

/** One provider call in progress: its limit, its signal, its exchange, and the truth about its end. */
export class OpenCall implements TransportCall {
  readonly fetchOptions: TransportFetchOptions = { redirect: 'error', [OPEN_CALL]: this };
  #truth: ProviderError | null = null;
  #exchange: Exchange | null = null;
  #abortController: AbortController | null = null;
  #end: (error: ProviderError) => void = () => undefined;
  #sendAfter: Promise<void> | undefined;

  /** @throws {Error} a request outside of `ProviderTransport.call`: nobody would watch it. */
  static of(init: Partial<TransportFetchOptions> | undefined): OpenCall {
    const call = init?.[OPEN_CALL];
    if (call === undefined) {
      throw new Error('ProviderTransport.fetch needs the fetchOptions of ProviderTransport.call');
    }
    return call;
  }

  /** Made on demand, because an abort controller costs more than the rest of this object. */
  get signal(): AbortSignal {
    this.#abortController ??= new AbortController();
    if (this.#truth !== null) this.#abortController.abort(this.#truth);
    return this.#abortController.signal;
  }

  run<T>(options: CallOptions, work: (call: TransportCall) => Promise<T>): Promise<T> {
    if (!(options.timeoutMs >= 1)) {
      return Promise.reject(new RangeError('timeoutMs must be a number of milliseconds ≥ 1'));
    }
    if (options.signal?.aborted === true) return Promise.reject(cancelled('idle'));
    this.#sendAfter = options.sendAfter;
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(
        () => {
          this.#expire();
        },
        Math.min(options.timeoutMs, MAX_TIMER_MS),
      );
      const cancel = () => {
        this.#fail(cancelled(this.#phase()));
      };
      options.signal?.addEventListener('abort', cancel, { once: true });
      const release = () => {
        clearTimeout(timer);
        options.signal?.removeEventListener('abort', cancel);
      };
      this.#end = (error) => {
        release();
        reject(error);
      };
      const finish = async () => {
        try {
          return await work(this);
        } finally {
          release();
        }
      };
      finish().then(resolve, reject);
    });
  }

  /** Starts the one exchange of this call, when it may be sent, and waits for its answer. */
  exchange(
    start: (observer: ExchangeObserver) => Exchange,
    sdkSignal: AbortSignal | null | undefined,
  ): Promise<Response> {
    if (this.#sendAfter === undefined) return this.#send(start, sdkSignal);
    return this.#sendAfter.then(() => this.#send(start, sdkSignal));
  }

  #send(
    start: (observer: ExchangeObserver) => Exchange,
    sdkSignal: AbortSignal | null | undefined,
  ): Promise<Response> {
    if (this.#exchange !== null) this.#fail(secondRequest());
    const refusal: Error | null = this.#truth;
    if (refusal !== null) return Promise.reject(refusal);
    return new Promise((respond, reject) => {
      const { observer, abandon } = this.#listeners({ respond, reject }, sdkSignal);
      this.#exchange = start(observer);
      if (this.#exchange.phase === 'done') return;
      if (sdkSignal?.aborted === true) abandon();
      else sdkSignal?.addEventListener('abort', abandon, { once: true });
    });
  }

  /** Made apart from `start`, whose context holds the text of the request: these live as long as the answer. */
  #listeners(
    waiting: Pick<ExchangeObserver, 'respond' | 'reject'>,
    sdkSignal: AbortSignal | null | undefined,
  ): { readonly observer: ExchangeObserver; readonly abandon: () => void } {
    const abandon = () => {
      this.#abandon(sdkSignal);
    };
    const observer = {
      ...waiting,
      failed: (error: ProviderError) => {
        this.#fail(error);
      },
      closed: () => {
        sdkSignal?.removeEventListener('abort', abandon);
      },
    };
    return { observer, abandon };
  }

  /** The SDK aborts by itself: its own time limit, or a reader who stopped reading a stream. */
  #abandon(sdkSignal: AbortSignal | null | undefined): void {
    const reason: unknown = sdkSignal?.reason;
    if (this.#phase() === 'streaming') {
      this.#exchange?.release(reason instanceof Error ? reason : new Error('aborted by the SDK'));
    } else {
      this.#expire();
    }
  }

  #expire(): void {
    if (this.#exchange === null || this.#exchange.phase === 'done')
      this.#fail(timedOut(this.#phase()));
    else this.#exchange.expire();
  }

  #phase(): CallPhase {
    return this.#exchange?.phase ?? 'idle';
  }

  #fail(error: ProviderError): void {
    if (this.#truth !== null) return;
    this.#truth = error;
    this.#end(error);
    this.#exchange?.stop(error);
    this.#abortController?.abort(error);
  }
}
