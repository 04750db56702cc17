import type { ExecuteParams, Usage } from '../ai-provider.interface';
import { heuristicTokensOf } from '../pricing/token-estimate';
import {
  asObject,
  asText,
  estimateOutputTokens,
  isObject,
  type JsonObject,
  nameOrNull,
  type VendorAnswer,
} from './answer';
import { hasListPrice, readMessageEnd, readUsage, toJson } from './anthropic-messages';
import { withoutTerminalMarker } from './stream-failure';
import type { StreamedOutput } from './streamed-output';
import { type AnswerSoFar, type StreamReader, usageSoFar } from './vendor-stream';

/** A block of type `tool_use` under way. */
interface ToolBlock {
  readonly place: number;
  /** The arguments, if the vendor sent them whole at the start. */
  readonly input: unknown;
  hasPieces: boolean;
}

/**
 * Reads the events of a Messages stream. The terminal marker is `message_stop` after a stop reason. Blocks
 * other than text and tool calls (thinking) are left out; thinking is counted, because it is paid.
 */
export class MessageStreamReader implements StreamReader {
  hasBegun = false;
  /** By the vendor's index of the block. */
  readonly #tools = new Map<unknown, ToolBlock>();
  #model: unknown = null;
  #stopReason: unknown = null;
  #hasStopped = false;
  #usage: JsonObject = {};
  /** Only then the output tokens are those of the whole answer. */
  #hasFinalUsage = false;
  #thinkingCharacters = 0;

  constructor(
    private readonly params: ExecuteParams,
    private readonly output: StreamedOutput,
  ) {}

  take(value: unknown): boolean {
    const event = asObject(value);
    switch (event.type) {
      case 'message_start':
        this.#start(asObject(event.message));
        break;
      case 'content_block_start':
        this.#openBlock(event.index, asObject(event.content_block));
        break;
      case 'content_block_delta':
        this.#addToBlock(event.index, asObject(event.delta));
        break;
      case 'content_block_stop':
        this.#closeBlock(event.index);
        break;
      case 'message_delta':
        this.#end(event);
        break;
      case 'message_stop':
        this.#hasStopped = true;
    }
    return this.#hasStopped;
  }

  finish(): VendorAnswer {
    if (!this.#hasStopped || this.#stopReason === null) throw withoutTerminalMarker();
    for (const index of this.#tools.keys()) this.#closeBlock(index);
    const output = this.output.finish();
    const end = readMessageEnd({
      model: this.#model,
      stop_reason: this.#stopReason,
      usage: this.#usage,
    });
    return { ...end, output, usage: this.#hasFinalUsage ? end.usage : this.#usageSoFar() };
  }

  soFar(): AnswerSoFar {
    return {
      usage: this.#usageSoFar(),
      model: nameOrNull(this.#model),
      hasListPrice: hasListPrice(this.#usage),
    };
  }

  #start(message: JsonObject): void {
    this.hasBegun = true;
    this.#model = message.model;
    if (isObject(message.usage)) this.#usage = message.usage;
  }

  #openBlock(index: unknown, block: JsonObject): void {
    if (block.type === 'text') this.output.addText(asText(block.text ?? ''));
    if (block.type === 'thinking') this.#countThinking(block.thinking);
    if (block.type !== 'tool_use') return;
    const place = this.output.openToolCall();
    this.#tools.set(index, { place, input: block.input, hasPieces: false });
    this.output.addToToolCall(place, { id: asText(block.id), name: asText(block.name) });
  }

  #addToBlock(index: unknown, delta: JsonObject): void {
    if (delta.type === 'text_delta') this.output.addText(asText(delta.text));
    if (delta.type === 'thinking_delta') this.#countThinking(delta.thinking);
    // Server tools have arguments too; they are no calls for the caller.
    const tool = delta.type === 'input_json_delta' ? this.#tools.get(index) : undefined;
    if (tool === undefined) return;
    const piece = asText(delta.partial_json);
    tool.hasPieces ||= piece !== '';
    this.output.addToToolCall(tool.place, { arguments: piece });
  }

  #closeBlock(index: unknown): void {
    const tool = this.#tools.get(index);
    if (tool === undefined || tool.hasPieces) return;
    tool.hasPieces = true;
    this.output.addToToolCall(tool.place, { arguments: toJson(tool.input ?? {}) });
  }

  /** The counts are cumulative; those that are null are the ones of the start. */
  #end(event: JsonObject): void {
    const delta = asObject(event.delta);
    if (delta.stop_reason != null) this.#stopReason = asText(delta.stop_reason);
    if (!isObject(event.usage)) return;
    const counts = Object.entries(event.usage).filter(([, count]) => count != null);
    const usage = { ...this.#usage, ...Object.fromEntries(counts) };
    // Counts that cannot be end the call here, so that those of the start remain.
    readUsage(usage);
    this.#usage = usage;
    this.#hasFinalUsage ||= event.usage.output_tokens != null;
  }

  #countThinking(thinking: unknown): void {
    if (typeof thinking === 'string') this.#thinkingCharacters += thinking.length;
  }

  /** The vendor's input tokens are exact from the start, its output tokens only at the end. */
  #usageSoFar(): Usage {
    const output = this.output.soFar();
    const usage = usageSoFar(this.params, output, () =>
      readUsage({ output_tokens: 0, ...this.#usage }),
    );
    if (this.#hasFinalUsage) return usage;
    const reasoningTokens = heuristicTokensOf(this.#thinkingCharacters);
    const outputTokens = estimateOutputTokens(output) + reasoningTokens;
    return { ...usage, outputTokens, reasoningTokens, source: 'estimated' };
  }
}
