import {
  Controller,
  Get,
  type INestApplication,
  Injectable,
  Module,
  UseInterceptors,
} from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import request from 'supertest';
import type { AIProvider, CallOptions, ExecuteResult } from '../ai-provider.interface';
import { ProviderError, type RetryClass } from '../provider-error';
import { type ProviderCall, ProviderCalls, RETRY_DEPENDENCIES, RetryInterceptor } from '.';
import type { AttemptFailure, RetryDependencies } from './retry-with-backoff';

const RESULT = { output: { content: 'hi', toolCalls: [] } } as unknown as ExecuteResult;
const PARAMS = { model: 'm', messages: [] };

function failure(retry: RetryClass): ProviderError {
  return new ProviderError({ category: 'server_error', retry, billed: 'no' });
}

class ScriptedProvider implements AIProvider {
  readonly type = 'scripted';
  readonly calls: CallOptions[] = [];

  constructor(private readonly errors: readonly Error[] = []) {}

  execute(_params: object, options: CallOptions): Promise<ExecuteResult> {
    const error = this.errors[this.calls.length];
    this.calls.push(options);
    return error === undefined ? Promise.resolve(RESULT) : Promise.reject(error);
  }

  estimateCost(): Promise<never> {
    return Promise.reject(new Error('not in this test'));
  }

  testCredential(): Promise<never> {
    return Promise.reject(new Error('not in this test'));
  }
}

@Injectable()
class RunsAreCounted extends RetryInterceptor {}

@Controller()
class WrongRoute {
  static runs = 0;

  @Get('wrong')
  @UseInterceptors(RunsAreCounted)
  wrong(): string {
    WrongRoute.runs += 1;
    return 'ran';
  }
}

describe('ProviderCalls', () => {
  let module: TestingModule;
  let calls: ProviderCalls;
  let time: number;
  let waits: number[];

  beforeEach(async () => {
    time = 5_000;
    waits = [];
    const dependencies: RetryDependencies = {
      now: () => time,
      random: () => 0.5,
      sleep: (milliseconds) => {
        waits.push(milliseconds);
        time += milliseconds;
        return Promise.resolve();
      },
    };
    @Module({ providers: [ProviderCalls, { provide: RETRY_DEPENDENCIES, useValue: dependencies }] })
    class ProvidersModule {}
    module = await Test.createTestingModule({ imports: [ProvidersModule] }).compile();
    calls = module.get(ProviderCalls, { strict: false });
  });

  afterEach(() => module.close());

  function call(provider: AIProvider, more: Partial<ProviderCall> = {}): Promise<ExecuteResult> {
    return calls.run({ provider, params: PARAMS, retry: { deadlineAt: time + 60_000 }, ...more });
  }

  it('makes three provider calls for two failures and a success, each announced before', async () => {
    const provider = new ScriptedProvider([failure('transient'), failure('transient')]);
    const order: string[] = [];
    const failures: AttemptFailure[] = [];
    const result = await call(provider, {
      beforeAttempt: (attempt) => {
        order.push(`before ${attempt}, called ${provider.calls.length}`);
        return Promise.resolve();
      },
      retry: {
        deadlineAt: time + 60_000,
        onAttemptFailed: (failed) => {
          failures.push(failed);
          return Promise.resolve();
        },
      },
    });
    expect(result).toBe(RESULT);
    expect(order).toEqual(['before 1, called 0', 'before 2, called 1', 'before 3, called 2']);
    expect(provider.calls).toHaveLength(3);
    expect(failures.map(({ attempt, waitMs }) => [attempt, waitMs])).toEqual([
      [1, 250],
      [2, 500],
    ]);
    expect(waits).toEqual([250, 500]);
  });

  it('keeps concurrent calls apart', async () => {
    const numbers: number[][] = [[], []];
    await Promise.all(
      numbers.map((list, index) =>
        call(new ScriptedProvider(index === 0 ? [failure('transient')] : []), {
          beforeAttempt: (attempt) => {
            list.push(attempt);
            return Promise.resolve();
          },
        }),
      ),
    );
    expect(numbers).toEqual([[1, 2], [1]]);
  });

  it.each([
    ['answers', [], new Error('ledger down')],
    ['fails', [failure('transient')], new Error('ledger down')],
    ['fails as one that may be retried', [failure('transient')], failure('transient')],
  ])(
    'tells the provider not to send, and does not retry, when the write-ahead of one fails that %s',
    async (_how, errors, reason) => {
      const provider = new ScriptedProvider(errors);
      let writeAheads = 0;
      const beforeAttempt = () => {
        writeAheads += 1;
        return Promise.reject(reason);
      };
      await expect(call(provider, { beforeAttempt })).rejects.toBe(reason);
      expect([writeAheads, provider.calls.length]).toEqual([1, 1]);
      await expect(provider.calls[0]?.sendAfter).rejects.toThrow();
    },
  );

  it('has the provider prepare while it writes ahead, and ends no earlier than that', async () => {
    const provider = new ScriptedProvider();
    let written: () => void = () => undefined;
    const beforeAttempt = () => new Promise<void>((resolve) => (written = resolve));
    const order: string[] = [];
    const ended = call(provider, { beforeAttempt }).then(() => order.push('ended'));
    while (provider.calls.length === 0) await new Promise(setImmediate);
    const mayBeSent = provider.calls[0]?.sendAfter?.then(() => order.push('may be sent'));
    await new Promise(setImmediate);
    expect(order).toEqual([]);
    written();
    await Promise.all([ended, mayBeSent]);
    expect(order).toEqual(['may be sent', 'ended']);
  });

  it('gives each attempt its limit, or what is left of the deadline', async () => {
    const provider = new ScriptedProvider([failure('transient'), failure('transient')]);
    await call(provider, { attemptTimeoutMs: 600, retry: { deadlineAt: time + 1_000 } });
    expect(provider.calls.map((options) => options.timeoutMs)).toEqual([600, 600, 250]);
    const unlimited = new ScriptedProvider();
    await call(unlimited);
    expect(unlimited.calls[0]?.timeoutMs).toBe(60_000);
  });

  it('does not call the provider when the write-ahead used up the time', async () => {
    const provider = new ScriptedProvider();
    const beforeAttempt = () => {
      time += 60_000;
      return Promise.resolve();
    };
    await expect(call(provider, { beforeAttempt })).rejects.toMatchObject({
      category: 'deadline_exceeded',
      billed: 'no',
    });
    expect(provider.calls).toHaveLength(0);
  });

  it('hands the signal to the provider and to the waits', async () => {
    const controller = new AbortController();
    const provider = new ScriptedProvider([failure('transient')]);
    const retry = {
      deadlineAt: time + 60_000,
      onAttemptFailed: () => {
        controller.abort();
        return Promise.resolve();
      },
    };
    const run = call(provider, { signal: controller.signal, retry });
    await expect(run).rejects.toMatchObject({ category: 'cancelled' });
    expect(provider.calls.map(({ signal }) => signal)).toEqual([controller.signal]);
  });

  it('throws a bug of a provider on, after one call', async () => {
    const bug = new TypeError('undefined is not a function');
    const provider = new ScriptedProvider([bug]);
    await expect(call(provider)).rejects.toBe(bug);
    expect(provider.calls).toHaveLength(1);
  });

  it('ends a provider that ignores its limit', async () => {
    const provider = new ScriptedProvider();
    jest.spyOn(provider, 'execute').mockReturnValue(new Promise(() => undefined));
    const run = call(provider, {
      attemptTimeoutMs: 1,
      retry: { deadlineAt: time + 60_000, maxAttempts: 1 },
    });
    await expect(run).rejects.toMatchObject({ category: 'timeout_no_response', billed: 'unknown' });
  });

  it.each([0, -1, Number.NaN])('refuses an attempt limit of %d', async (attemptTimeoutMs) => {
    const provider = new ScriptedProvider();
    await expect(call(provider, { attemptTimeoutMs })).rejects.toThrow(RangeError);
    expect(provider.calls).toHaveLength(0);
  });
});

describe('RetryInterceptor on a route', () => {
  let application: INestApplication;

  beforeEach(async () => {
    const module = await Test.createTestingModule({ controllers: [WrongRoute] }).compile();
    module.useLogger(false);
    application = module.createNestApplication();
    await application.init();
  });

  afterEach(() => application.close());

  it('refuses before the handler runs', async () => {
    await request(application.getHttpServer()).get('/wrong').expect(500);
    expect(WrongRoute.runs).toBe(0);
  });

  it('says why', () => {
    const context = { getType: () => 'http' } as never;
    const intercept = () => new RetryInterceptor().intercept(context, { handle: jest.fn() });
    expect(intercept).toThrow(/whole handler again/);
  });
});
