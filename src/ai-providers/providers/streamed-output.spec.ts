import * as fc from 'fast-check';
import { Secret } from '../../common';
import type { ExecutionDelta, ExecutionOutput } from '../ai-provider.interface';
import { sumOf } from '../testing/sum-of-deltas';
import { outputWithoutSecret } from './secret-filter';
import { StreamedOutput } from './streamed-output';

const SECRET = new Secret('abba');

type Step =
  readonly ['text', string] | readonly ['open', string] | readonly ['add', number, string];

const piece = fc.string({ unit: fc.constantFrom('a', 'b', '{', '😀'), maxLength: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.constant('text' as const), piece),
  fc.tuple(fc.constant('open' as const), piece),
  fc.tuple(fc.constant('add' as const), fc.nat(3), piece),
);

/** What the vendor meant, put together without the class under test. */
function play(steps: readonly Step[], output: StreamedOutput): ExecutionOutput {
  let content = '';
  const toolCalls: { id: string; name: string; arguments: string }[] = [];
  for (const one of steps) {
    if (one[0] === 'text') {
      content += one[1];
      output.addText(one[1]);
    } else if (one[0] === 'open') {
      const id = `call_${one[1]}`;
      toolCalls.push({ id, name: 'locate', arguments: '' });
      output.addToToolCall(output.openToolCall(), { id, name: 'locate' });
    } else {
      const call = toolCalls[one[1]];
      if (call !== undefined) call.arguments += one[2];
      output.addToToolCall(one[1], { id: 'repeated', name: 'repeated', arguments: one[2] });
    }
  }
  return { content, toolCalls };
}

describe('StreamedOutput', () => {
  it('reports pieces whose sum is the output without the key, none of them empty', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const deltas: ExecutionDelta[] = [];
        const output = new StreamedOutput((delta) => deltas.push(delta), SECRET);
        const meant = play(steps, output);
        expect(sumOf(deltas)).toEqual(output.soFar());
        const finished = output.finish();
        expect(finished).toEqual(outputWithoutSecret(meant, SECRET));
        expect(sumOf(deltas)).toEqual(finished);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps the whole when the listener breaks, and does not call it again', () => {
    const listener = jest.fn(() => {
      throw new Error('the listener broke');
    });
    const output = new StreamedOutput(listener, null);
    output.addText('one ');
    output.addText('two');
    expect(output.finish().content).toBe('one two');
    expect(listener).toHaveBeenCalledTimes(1);
  });

  it('reports nothing after it was stopped', () => {
    const deltas: ExecutionDelta[] = [];
    const output = new StreamedOutput((delta) => deltas.push(delta), SECRET);
    output.addText('one a');
    output.stop();
    output.addText('two');
    expect(output.finish()).toEqual({ content: 'one ', toolCalls: [] });
    expect(deltas).toEqual([{ type: 'text', text: 'one ' }]);
  });

  it('refuses an answer that is longer than any model writes', () => {
    const output = new StreamedOutput(() => undefined, null);
    const megabyte = 'x'.repeat(1024 * 1024);
    const write = () => {
      for (let count = 0; count < 17; count += 1) output.addText(megabyte);
    };
    expect(write).toThrow(expect.objectContaining({ category: 'invalid_response' }));
  });

  it('refuses an answer of more pieces than any model writes, however short they are', () => {
    const output = new StreamedOutput(() => undefined, null);
    const call = output.openToolCall();
    const write = (count: number) => {
      for (let left = count; left > 0; left -= 2) {
        output.addText('x');
        output.addToToolCall(call, { arguments: '' });
      }
    };
    write(1_000_000);
    const tooMany = () => {
      write(100_000);
    };
    expect(tooMany).toThrow(expect.objectContaining({ category: 'invalid_response' }));
  });
});
