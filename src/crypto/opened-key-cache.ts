/** Milliseconds that only grow. Not wall time, which set back would keep keys cached for longer. */
export type MonotonicClock = () => number;
export const MonotonicClock = Symbol('MonotonicClock');

/** Hard: counted from the start of the opening, never extended by use. */
const CACHE_TTL_MS = 5 * 60 * 1000;
const CACHE_ENTRIES = 1000;

interface CacheEntry<Key> {
  readonly workspaceId: string | null;
  readonly expiresAt: number;
  /** Also while it is being opened, so that simultaneous misses share one opening. */
  readonly key: Promise<Key>;
}

/**
 * Opened keys, each for at most 5 minutes, at most 1,000 of them, the least recently used leaving first. Failures are
 * not cached.
 */
export class OpenedKeyCache<Key> {
  /** In order of use: the first entry is the least recently used one. */
  readonly #entries = new Map<string, CacheEntry<Key>>();

  constructor(private readonly now: MonotonicClock) {}

  /** The cached key of the name, else what `load` opens. A name belongs to one workspace. */
  get(workspaceId: string | null, name: string, load: () => Promise<Key>): Promise<Key> {
    const now = this.now();
    const hit = this.#entries.get(name);
    this.#entries.delete(name);
    if (hit !== undefined && now < hit.expiresAt) {
      this.#entries.set(name, hit);
      return hit.key;
    }
    const entry = { workspaceId, expiresAt: now + CACHE_TTL_MS, key: load() };
    this.#entries.set(name, entry);
    this.#forgetLeastRecentlyUsed();
    entry.key.catch(() => {
      if (this.#entries.get(name) === entry) this.#entries.delete(name);
    });
    return entry.key;
  }

  /** Forgets the keys of the workspace, those being opened included. */
  evict(workspaceId: string | null): void {
    for (const [name, entry] of this.#entries) {
      if (entry.workspaceId === workspaceId) this.#entries.delete(name);
    }
  }

  #forgetLeastRecentlyUsed(): void {
    for (const name of this.#entries.keys()) {
      if (this.#entries.size <= CACHE_ENTRIES) return;
      this.#entries.delete(name);
    }
  }
}
