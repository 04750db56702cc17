import { registerDecorator } from 'class-validator';
import { z } from 'zod';

const TOOLS_MAX = 128;
const NAME_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;

const name = z.string().regex(NAME_PATTERN, 'must be 1–64 letters, digits, _ or -');

const SCHEMAS = {
  tools: z
    .array(
      z.strictObject({
        name,
        description: z.string().max(10_000).optional(),
        parameters: z.record(z.string(), z.unknown()),
      }),
    )
    .min(1)
    .max(TOOLS_MAX),
  toolChoice: z.union([z.enum(['auto', 'none', 'required']), z.strictObject({ name })], {
    error: 'must be auto, none, required or {name}',
  }),
  responseFormat: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('text') }),
    z.strictObject({ type: z.literal('json_object') }),
    z.strictObject({
      type: z.literal('json_schema'),
      name,
      schema: z.record(z.string(), z.unknown()),
    }),
  ]),
};

/** Validates a field against its schema; the fault names the place, never the content. */
export function FitsSchema(field: keyof typeof SCHEMAS): PropertyDecorator {
  const schema: z.ZodType = SCHEMAS[field];
  return (target, propertyKey) => {
    registerDecorator({
      name: 'fitsSchema',
      target: target.constructor,
      propertyName: String(propertyKey),
      validator: {
        validate: (value: unknown) => schema.safeParse(value).success,
        defaultMessage: (validation) => {
          const issue = schema.safeParse(validation?.value).error?.issues[0];
          return [issue?.path.map(String).join('/'), issue?.message ?? 'is invalid']
            .filter((part) => part !== '' && part !== undefined)
            .join(': ');
        },
      },
    });
  };
}
