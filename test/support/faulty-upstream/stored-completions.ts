import type { UpstreamRequest } from './behaviour';

interface StoredCompletion {
  readonly metadata: Readonly<Record<string, string>>;
}

/** What OpenAI keeps of requests with `store: true`, and lists by their metadata. */
export class StoredCompletions {
  readonly #completions: StoredCompletion[] = [];

  /** `completion` is the answer, whether or not it arrives. */
  keep(request: UpstreamRequest, completion: unknown): void {
    if (request.body?.store !== true) return;
    const metadata = (request.body.metadata ?? {}) as StoredCompletion['metadata'];
    const id = `chatcmpl-${this.#completions.length + 1}`;
    this.#completions.push({
      ...(completion as object),
      ...{ id, request_id: 'req_stored', metadata },
    });
  }

  /** The answer of `GET /v1/chat/completions`. */
  list(request: UpstreamRequest): unknown {
    const { searchParams } = new URL(request.path, 'http://upstream');
    const filters = [...searchParams].flatMap(([name, value]) => {
      const key = /^metadata\[(.+)\]$/.exec(name)?.[1];
      return key === undefined ? [] : [[key, value] as const];
    });
    const data = this.#completions.filter(({ metadata }) =>
      filters.every(([key, value]) => metadata[key] === value),
    );
    return { object: 'list', data, first_id: null, last_id: null, has_more: false };
  }
}
