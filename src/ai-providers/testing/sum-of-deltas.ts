import type { ExecutionDelta, ExecutionOutput } from '../ai-provider.interface';

/**
 * The output that the pieces of a stream add up to.
 * @throws {Error} when a piece is empty, or leaves out a tool call.
 */
export function sumOf(deltas: readonly ExecutionDelta[]): ExecutionOutput {
  let content = '';
  const toolCalls: { id: string; name: string; arguments: string }[] = [];
  for (const delta of deltas) {
    if (delta.type === 'text') {
      if (delta.text === '') throw new Error('an empty piece of text');
      content += delta.text;
      continue;
    }
    const { index, id = '', name = '', arguments: text = '' } = delta;
    if (id + name + text === '') throw new Error('an empty piece of a tool call');
    if (index > toolCalls.length) throw new Error('a piece of a tool call that did not begin');
    const call = (toolCalls[index] ??= { id: '', name: '', arguments: '' });
    call.id += id;
    call.name += name;
    call.arguments += text;
  }
  return { content, toolCalls };
}
