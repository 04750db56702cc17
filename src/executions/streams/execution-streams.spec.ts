import { AsyncLocalStorage } from 'node:async_hooks';
import { AppError } from '../../common';
import { ExecutionStreams } from './execution-streams';

const MEBI = 1024 * 1024;

describe('the streams that can be read again', () => {
  let streams: ExecutionStreams;

  beforeEach(() => {
    jest.useFakeTimers();
    streams = new ExecutionStreams();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  const end = (id: string, length: number) => {
    const stream = streams.open(id);
    stream.publish({ type: 'text', text: 'x'.repeat(length) });
    stream.close({ type: 'error', error: new AppError('internal') });
    streams.retire(id);
  };

  const kept = (ids: readonly string[]) => ids.filter((id) => streams.find(id) !== null);

  it('are forgotten a while after their end, with their timers', () => {
    end('one', 10);
    expect(kept(['one'])).toEqual(['one']);
    jest.advanceTimersByTime(30_000);
    expect(kept(['one'])).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('are not forgotten in place of one that was to begin before under the same id', () => {
    end('one', 10);
    const stream = streams.open('one');
    jest.advanceTimersByTime(30_000);
    expect(streams.find('one')).toBe(stream);
  });

  it('are at most a thousand', () => {
    const ids = Array.from({ length: 1_010 }, (_, index) => String(index));
    for (const id of ids) end(id, 1);
    expect(kept(ids)).toEqual(ids.slice(10));
    expect(jest.getTimerCount()).toBe(1_000);
  });

  it('set their timers outside of the request, which the timer would keep in memory', () => {
    const request = new AsyncLocalStorage<string>();
    const contexts: (string | undefined)[] = [];
    const set = globalThis.setTimeout;
    jest.spyOn(globalThis, 'setTimeout').mockImplementation((...parameters) => {
      contexts.push(request.getStore());
      return set(...parameters);
    });
    request.run('a request', () => {
      end('one', 1);
    });
    expect(contexts).toEqual([undefined]);
  });

  it('take a limited amount of memory together, whatever they hold', () => {
    const ids = Array.from({ length: 20 }, (_, index) => String(index));
    for (const id of ids) end(id, 3 * MEBI);
    expect(kept(ids)).toEqual(ids.slice(10));
    jest.advanceTimersByTime(30_000);
    end('later', 3 * MEBI);
    expect(kept(['later'])).toEqual(['later']);
  });

  it('are not kept at all when one is too long, in text or in arguments of tools', () => {
    end('text', 5 * MEBI);
    const stream = streams.open('tools');
    const piece = { type: 'tool_call', index: 0, arguments: 'x'.repeat(MEBI) } as const;
    for (let count = 0; count < 5; count += 1) stream.publish(piece);
    streams.retire('tools');
    expect(kept(['text', 'tools'])).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });
});
