import { AppError } from '../../common';
import { ExecutionStream, type StreamSource } from './execution-stream';

const END = { type: 'error', error: new AppError('internal') } as const;

describe('a stream that is read at the pace of its reader', () => {
  let stream: ExecutionStream;

  beforeEach(() => {
    stream = new ExecutionStream();
    stream.publish({ type: 'text', text: 'One, ' });
    stream.publish({ type: 'tool_call', index: 0, name: 'look' });
    stream.publish({ type: 'text', text: 'two.' });
  });

  const all = (source: StreamSource) => {
    const read: unknown[] = [];
    for (let event = source.next(); event !== null; event = source.next()) {
      const { events, characters } = event.position;
      const what = event.type === 'end' ? 'end' : Object.values(event.delta).at(-1);
      read.push([`${events}:${characters}`, what]);
    }
    return read;
  };

  it('gives what there is, then says when there is more, once to the end', () => {
    const source = stream.read();
    const more = jest.fn();
    const stop = source.onMore(more);
    expect(all(source)).toEqual([
      ['1:5', 'One, '],
      ['2:5', 'look'],
      ['3:9', 'two.'],
    ]);
    stream.publish({ type: 'text', text: '!' });
    expect(more).toHaveBeenCalledTimes(1);
    expect(all(source)).toEqual([['4:10', '!']]);
    stop();
    stream.close(END);
    expect(more).toHaveBeenCalledTimes(1);
    expect(all(source)).toEqual([['5:10', 'end']]);
    expect(all(source)).toEqual([]);
  });

  it.each([
    [{ events: 1, characters: 5 }, ['look', 'two.', 'end']],
    [{ events: 3, characters: 9 }, ['end']],
    // From the ledger, which knows of no pieces: no text twice, and the tools that were not told.
    [{ events: 0, characters: 7 }, ['look', 'o.', 'end']],
    [{ events: 1, characters: 9 }, ['look', 'end']],
    // From nowhere.
    [{ events: 1, characters: 0 }, ['look', 'two.', 'end']],
    [{ events: 900, characters: 900 }, ['end']],
  ])('gives what comes after the position %j', (after, expected) => {
    stream.close(END);
    expect(all(stream.read(after)).map((event) => (event as string[])[1])).toEqual(expected);
  });
});
