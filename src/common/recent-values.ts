/** How many values are kept, and for how long. */
export interface RecentValuesOptions {
  /** Milliseconds, ≥ 1. Counted from when the value was set, never extended by use. */
  readonly keptMs: number;
  readonly most: number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

/** Short, so that times of use, which are noted when something is read anew, stay true to the minute. */
export const A_MOMENT: RecentValuesOptions = { keptMs: 20_000, most: 5_000 };

/**
 * Values as they were a moment ago; above `most` the one that was set first leaves. They may have changed since: whoever
 * takes one has it confirmed before anything rests on it.
 */
export class RecentValues<Value> {
  readonly #entries = new Map<string, { readonly value: Value; readonly untilMs: number }>();
  readonly #now: () => number;

  constructor(private readonly options: RecentValuesOptions) {
    this.#now = options.now ?? (() => performance.now());
  }

  /** Undefined: none that is recent. */
  get(name: string): Value | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined || this.#now() < entry.untilMs) return entry?.value;
    this.#entries.delete(name);
    return undefined;
  }

  set(name: string, value: Value): void {
    this.#entries.delete(name);
    this.#entries.set(name, { value, untilMs: this.#now() + this.options.keptMs });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.options.most && oldest !== undefined)
      this.#entries.delete(oldest);
  }

  delete(name: string): void {
    this.#entries.delete(name);
  }
}
