const HIGH_WATER_MARK_BYTES = 64 * 1024;

export interface BodySource {
  /** The reader has room again. */
  resume(): void;
  /** The reader wants no more. */
  cancel(reason: Error): void;
}

/** The body of a streamed answer, with backpressure counted in bytes. */
export class BodyStream {
  readonly readable: ReadableStream<Uint8Array>;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #paused = false;

  constructor(source: BodySource) {
    this.readable = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          if (!this.#paused) return;
          this.#paused = false;
          source.resume();
        },
        cancel: (reason) => {
          source.cancel(reason instanceof Error ? reason : new Error('the reader stopped'));
        },
      },
      { highWaterMark: HIGH_WATER_MARK_BYTES, size: (chunk) => chunk.byteLength },
    );
  }

  /** @returns whether there is room for more; otherwise {@link BodySource.resume} follows. */
  push(chunk: Uint8Array): boolean {
    this.#controller.enqueue(chunk);
    this.#paused = (this.#controller.desiredSize ?? 0) <= 0;
    return !this.#paused;
  }

  end(): void {
    this.#controller.close();
  }

  /** Pieces not yet read are dropped; the reader sees the error at once. */
  fail(error: Error): void {
    this.#controller.error(error);
  }
}
