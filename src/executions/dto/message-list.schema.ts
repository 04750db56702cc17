import { registerDecorator } from 'class-validator';
import { z } from 'zod';
import type { Message } from '../../ai-providers';
import { isNestedTooDeeply } from '../../common';

/** Most messages of one execution. */
export const MESSAGES_MAX = 1_000;
const CONTENT_PARTS_MAX = 100;
const TOOL_CALLS_MAX = 128;

const contentPart = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: z.string() }),
  z.strictObject({
    type: z.literal('image'),
    url: z.string().regex(/^(https:\/\/|data:image\/)/, 'must be an https: or data:image/ URL'),
  }),
]);

const toolCall = z.strictObject({
  id: z.string().min(1).max(256),
  name: z.string().min(1).max(128),
  arguments: z.string().refine(isShallow, 'is nested too deeply'),
});

const content = z.union([z.string(), z.array(contentPart).min(1).max(CONTENT_PARTS_MAX)], {
  error: 'must be a string or a list of content parts',
});

const message = z.discriminatedUnion(
  'role',
  [
    z.strictObject({ role: z.literal('system'), content }),
    z.strictObject({ role: z.literal('user'), content }),
    z.strictObject({
      role: z.literal('assistant'),
      content,
      toolCalls: z.array(toolCall).max(TOOL_CALLS_MAX).optional(),
    }),
    z.strictObject({ role: z.literal('tool'), content, toolCallId: z.string().min(1).max(256) }),
  ],
  { error: 'role must be system, user, assistant or tool' },
);

/** A conversation. One compiled schema instead of nested DTO objects, which cost three times as much. */
const messageList = z
  .array(message, { error: 'must be a list of messages' })
  .min(1, 'must have at least one message')
  .max(MESSAGES_MAX, `must have at most ${MESSAGES_MAX} messages`);

/** JSON in a text, which a provider may have to parse and write again. What is no JSON goes out as it is. */
function isShallow(text: string): boolean {
  try {
    return !isNestedTooDeeply(JSON.parse(text));
  } catch {
    return true;
  }
}

/** Validates `messages` against the schema; the fault names the place, never the content. */
export function IsMessages(): PropertyDecorator {
  return (target, propertyKey) => {
    registerDecorator({
      name: 'isMessages',
      target: target.constructor,
      propertyName: String(propertyKey),
      validator: {
        validate: (value: unknown): value is Message[] => messageList.safeParse(value).success,
        defaultMessage: (validation) => describeFault(validation?.value),
      },
    });
  };
}

function describeFault(value: unknown): string {
  const issue = messageList.safeParse(value).error?.issues[0];
  if (issue === undefined) return 'is invalid';
  const place = issue.path.map(String).join('/');
  if (issue.code === 'unrecognized_keys')
    return `${place || 'a message'} has fields that no message has`;
  return place === '' ? issue.message : `${place}: ${issue.message}`;
}
