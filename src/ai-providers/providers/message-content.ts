import { CATEGORY_DEFAULTS } from '../provider-error-rules';
import { ProviderError } from '../provider-error';
import type { Message, MessageRole } from '../ai-provider.interface';

/** A request that cannot be put in the vendor's form; nothing was sent. */
export function untranslatable(): ProviderError {
  return new ProviderError({ category: 'invalid_request', ...CATEGORY_DEFAULTS.invalid_request });
}

/**
 * The text of a message in a place where the vendor takes only text.
 * @throws {ProviderError} `invalid_request` when it holds an image.
 */
export function textOnly(content: Message['content']): string {
  if (typeof content === 'string') return content;
  return content
    .map((part) => {
      if (part.type !== 'text') throw untranslatable();
      return part.text;
    })
    .join('\n');
}

/** @throws {ProviderError} `invalid_request` when a tool message does not say which call it answers. */
export function toolCallIdOf(message: Message): string {
  if (message.toolCallId === undefined) throw untranslatable();
  return message.toolCallId;
}

/** The text of the last message of a role, without its images; empty when there is none. */
export function textOfLast(messages: readonly Message[], role: MessageRole): string {
  const last = messages.findLast((message) => message.role === role);
  if (last === undefined) return '';
  if (typeof last.content === 'string') return last.content;
  return last.content.map((part) => (part.type === 'text' ? part.text : '')).join('');
}
