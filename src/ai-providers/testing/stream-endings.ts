import type { ProviderErrorFields } from '../provider-error';
import type { ContractWire } from './ai-provider-contract';

type Ending = (wire: ContractWire) => void | Promise<void>;

const TRUNCATED = {
  category: 'response_truncated',
  retry: 'ambiguous',
  billed: 'partial',
} as const;
const INVALID = { category: 'invalid_response', retry: 'ambiguous', billed: 'partial' } as const;
const TOO_MUCH = { ...INVALID, retry: 'never' } as const;

/** How a stream may end after its answer has begun, and what that must become. */
export const STREAM_ENDINGS: readonly (readonly [string, Ending, Partial<ProviderErrorFields>])[] =
  [
    [
      'ends in order without its last event',
      (wire) => {
        wire.end();
      },
      TRUNCATED,
    ],
    [
      'ends with its connection',
      (wire) => {
        wire.cut();
      },
      TRUNCATED,
    ],
    [
      'is reset',
      (wire) => {
        wire.reset();
      },
      TRUNCATED,
    ],
    ['falls silent', () => undefined, TRUNCATED],
    [
      'ends with half an event',
      async (wire) => {
        await wire.raw('event: content_block_delta\ndata: {"type":"content_bl');
        wire.end();
      },
      // One SDK drops the half, the other tries to read it.
      { retry: 'ambiguous', billed: 'partial' },
    ],
    [
      'has half an event in it',
      async (wire) => {
        await wire.raw('event: content_block_delta\ndata: {"type":"content_bl\n\n');
        await wire.finish();
        wire.end();
      },
      INVALID,
    ],
    [
      'has an event that is no object',
      async (wire) => {
        await wire.raw('event: content_block_delta\ndata: "word"\n\n');
        await wire.finish();
        wire.end();
      },
      INVALID,
    ],
    [
      'reports a usage that cannot be',
      async (wire) => {
        await wire.finish({ usage: { inputTokens: -1, outputTokens: 1, cacheReadTokens: 0 } });
        wire.end();
      },
      INVALID,
    ],
    [
      'turns into a line without end',
      (wire) => wire.raw(`data: ${'x'.repeat(10 * 1024 * 1024)}`),
      TOO_MUCH,
    ],
    [
      'turns into an event without end',
      (wire) => wire.raw(': comment\n'.repeat(1024 * 1024)),
      TOO_MUCH,
    ],
  ];
