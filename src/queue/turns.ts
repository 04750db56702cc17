/** How long it is believed that nobody else waits: looking for them reads past everything that does. */
const BELIEVED_MS = 250;
/** A round of more workspaces than this ends early. */
const ROUND_MAX = 1_000;

/**
 * Whose turn it is among the workspaces that have something in the queue: in each round every one of them gets a place
 * before any gets another, however many of one wait.
 */
export class Turns {
  readonly #served = new Set<string>();
  #believedUntilMs = -Infinity;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Those who have had their turn in this round, so others go first. Empty: nobody is to be passed over now. */
  get served(): readonly string[] {
    return this.now() < this.#believedUntilMs ? [] : [...this.#served];
  }

  /** They have had it. */
  note(workspaceIds: readonly string[]): void {
    if (this.#served.size > ROUND_MAX) this.#served.clear();
    for (const workspaceId of workspaceIds) this.#served.add(workspaceId);
  }

  /** Nobody else waits, so a new round begins. */
  endRound(): void {
    this.#served.clear();
    this.#believedUntilMs = this.now() + BELIEVED_MS;
  }
}
