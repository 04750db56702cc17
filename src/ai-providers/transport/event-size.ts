/** An empty line ends an event. */
const EVENT_ENDS = ['\n\n', '\n\r\n', '\r\r'].map((end) => Buffer.from(end));
const LONGEST_END_BYTES = 3;

/** Counts the bytes of the event under way in a stream of server-sent events, however it is cut into chunks. */
export class EventSize {
  #bytes = 0;
  #tail = Buffer.alloc(0);

  /** @returns bytes that the event under way has after this chunk, its comments included. */
  add(chunk: Buffer): number {
    const text = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk]);
    const end = Math.max(...EVENT_ENDS.map((mark) => endOfLast(text, mark)));
    this.#bytes = end < 0 ? this.#bytes + chunk.length : text.length - end;
    // A copy, so that the chunk itself can be freed.
    this.#tail = Buffer.from(text.subarray(1 - LONGEST_END_BYTES));
    return this.#bytes;
  }
}

function endOfLast(text: Buffer, mark: Buffer): number {
  const at = text.lastIndexOf(mark);
  return at < 0 ? -1 : at + mark.length;
}
