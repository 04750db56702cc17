import type { ExecuteParams, ExecutionOutput } from '../ai-provider.interface';
import {
  asArray,
  asObject,
  asText,
  isObject,
  type JsonObject,
  nameOrNull,
  type VendorAnswer,
} from './answer';
import { fromChatCompletion, hasListPrice, readUsage } from './openai-messages';
import { withoutTerminalMarker } from './stream-failure';
import type { StreamedOutput } from './streamed-output';
import { type AnswerSoFar, type StreamReader, usageSoFar } from './vendor-stream';

interface OpenCall {
  readonly place: number;
  id: string;
}

/** Reads the chunks of Chat Completions. The terminal marker is the finish reason of the choice. */
export class ChatStreamReader implements StreamReader {
  hasBegun = false;
  /** By the vendor's index. */
  readonly #calls = new Map<unknown, OpenCall>();
  #finishReason = '';
  #isRefusal = false;
  #model: unknown = null;
  #tier: unknown = null;
  #usage: unknown = null;

  constructor(
    private readonly params: ExecuteParams,
    private readonly output: StreamedOutput,
  ) {}

  /** Never true: the SDK keeps `[DONE]` to itself, and ends there. */
  take(event: unknown): boolean {
    const chunk = asObject(event);
    this.#model = chunk.model ?? this.#model;
    this.#tier = chunk.service_tier ?? this.#tier;
    this.#usage = chunk.usage ?? this.#usage;
    // A chunk without choices carries the usage, or what a gateway has to add.
    const choice = asArray(chunk.choices ?? [])
      .map(asObject)
      .find(isFirstChoice);
    if (choice !== undefined) this.#takeChoice(choice);
    return false;
  }

  finish(): VendorAnswer {
    if (this.#finishReason === '') throw withoutTerminalMarker();
    const output = this.output.finish();
    // Read like an answer that came whole, so that the two mean the same.
    const completion = {
      model: this.#model,
      service_tier: this.#tier,
      usage: this.#usage,
      choices: [{ message: toMessage(output, this.#isRefusal), finish_reason: this.#finishReason }],
    };
    return { ...fromChatCompletion(completion), output };
  }

  soFar(): AnswerSoFar {
    const usage = this.#usage;
    const read = () => (isObject(usage) ? readUsage(usage) : null);
    return {
      usage: usageSoFar(this.params, this.output.soFar(), read),
      model: nameOrNull(this.#model),
      hasListPrice: hasListPrice(this.#tier),
    };
  }

  #takeChoice(choice: JsonObject): void {
    this.hasBegun = true;
    const delta = asObject(choice.delta ?? {});
    if (delta.content != null) this.output.addText(asText(delta.content));
    if (typeof delta.refusal === 'string' && delta.refusal !== '') {
      this.#isRefusal = true;
      this.output.addText(delta.refusal);
    }
    for (const piece of asArray(delta.tool_calls ?? [])) this.#takeToolCall(asObject(piece));
    if (choice.finish_reason != null) this.#finishReason = asText(choice.finish_reason);
  }

  #takeToolCall(piece: JsonObject): void {
    const callee = isObject(piece.custom) ? piece.custom : asObject(piece.function ?? {});
    const id = asText(piece.id ?? '');
    const name = asText(callee.name ?? '');
    let call = this.#calls.get(piece.index);
    // Gateways were seen to send parallel calls under one index.
    const isAnother =
      call !== undefined && id !== '' && name !== '' && call.id !== '' && call.id !== id;
    if (call === undefined || isAnother) {
      call = { place: this.output.openToolCall(), id };
      this.#calls.set(piece.index, call);
    }
    if (call.id === '') call.id = id;
    this.output.addToToolCall(call.place, {
      id,
      name,
      arguments: asText((isObject(piece.custom) ? callee.input : callee.arguments) ?? ''),
    });
  }
}

function isFirstChoice(choice: JsonObject): boolean {
  return choice.index === undefined || choice.index === 0;
}

/** An assistant's message as Chat Completions has it. */
function toMessage(output: ExecutionOutput, isRefusal: boolean): JsonObject {
  return {
    content: isRefusal ? null : output.content,
    refusal: isRefusal ? output.content : null,
    tool_calls: output.toolCalls.map((call) => ({
      // A call without an id cannot be answered.
      id: call.id === '' ? null : call.id,
      function: { name: call.name === '' ? null : call.name, arguments: call.arguments },
    })),
  };
}
