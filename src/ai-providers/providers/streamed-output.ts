import type { Secret } from '../../common';
import type { ExecutionDelta, ExecutionOutput, ToolCall } from '../ai-provider.interface';
import { unusableStream } from './stream-failure';
import { SecretFilter, withoutSecret } from './secret-filter';

/** Most characters of one answer; far above every model's, and what a record can still hold. */
const OUTPUT_CHARACTERS_MAX = 16 * 1024 * 1024;
/** What a piece counts for at least: a short one takes many times the memory of its text. */
const PIECE_CHARACTERS_MIN = 16;

/** A piece of a tool call as a vendor sends it. */
export interface ToolCallPiece {
  readonly id?: string;
  readonly name?: string;
  readonly arguments?: string;
}

interface OpenToolCall {
  id: string;
  name: string;
  arguments: string;
  readonly filter: SecretFilter;
}

/**
 * The output of a streamed answer: takes the vendor's pieces, reports them without the key, and is the sum
 * of what it reported.
 */
export class StreamedOutput {
  readonly #text: SecretFilter;
  readonly #calls: OpenToolCall[] = [];
  #content = '';
  #characters = 0;
  #isOver = false;
  #report: ((delta: ExecutionDelta) => void) | null;

  constructor(
    onDelta: (delta: ExecutionDelta) => void,
    private readonly secret: Secret | null,
  ) {
    this.#report = onDelta;
    this.#text = new SecretFilter(secret);
  }

  /** @throws {ProviderError} `invalid_response` when the answer is longer than any model's. */
  addText(piece: string): void {
    this.#count(piece);
    this.#showText(this.#text.push(piece));
  }

  /** Begins the next tool call; returns its place, from 0. */
  openToolCall(): number {
    const filter = new SecretFilter(this.secret);
    return this.#calls.push({ id: '', name: '', arguments: '', filter }) - 1;
  }

  /**
   * Adds to the call at a place that {@link openToolCall} returned. Id and name are taken once, whole.
   * @throws {ProviderError} `invalid_response` when the answer is longer than any model's.
   */
  addToToolCall(index: number, piece: ToolCallPiece): void {
    const call = this.#calls[index];
    if (call === undefined) return;
    this.#count(`${piece.id ?? ''}${piece.name ?? ''}${piece.arguments ?? ''}`);
    const id = call.id === '' ? withoutSecret(piece.id ?? '', this.secret) : '';
    const name = call.name === '' ? withoutSecret(piece.name ?? '', this.secret) : '';
    this.#showToolCall(index, call, id, name, call.filter.push(piece.arguments ?? ''));
  }

  /** All pieces have arrived: reports what was kept back, and returns the whole. */
  finish(): ExecutionOutput {
    this.#showText(this.#text.end());
    this.#calls.forEach((call, index) => {
      this.#showToolCall(index, call, '', '', call.filter.end());
    });
    return this.soFar();
  }

  /** The sum of what was reported. */
  soFar(): ExecutionOutput {
    const toolCalls = this.#calls.map(({ id, name, arguments: text }): ToolCall => ({
      id,
      name,
      arguments: text,
    }));
    return { content: this.#content, toolCalls };
  }

  /** The call has ended: nothing is added or reported any more. */
  stop(): void {
    this.#isOver = true;
  }

  #showText(text: string): void {
    if (text === '' || this.#isOver) return;
    this.#content += text;
    this.#tell({ type: 'text', text });
  }

  #showToolCall(
    index: number,
    call: OpenToolCall,
    id: string,
    name: string,
    argumentText: string,
  ): void {
    if (`${id}${name}${argumentText}` === '' || this.#isOver) return;
    call.id += id;
    call.name += name;
    call.arguments += argumentText;
    this.#tell({
      type: 'tool_call',
      index,
      ...(id !== '' && { id }),
      ...(name !== '' && { name }),
      ...(argumentText !== '' && { arguments: argumentText }),
    });
  }

  #tell(delta: ExecutionDelta): void {
    try {
      this.#report?.(delta);
    } catch {
      // See `CallOptions.onDelta`: the listener broke, the call did not.
      this.#report = null;
    }
  }

  #count(piece: string): void {
    this.#characters += Math.max(piece.length, PIECE_CHARACTERS_MIN);
    if (this.#characters > OUTPUT_CHARACTERS_MAX) throw unusableStream();
  }
}
