import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { AppError } from '../../common';
import { requestIdOf, SseResponse } from './sse-response';

/** Streams and feeds that one token may hold open on one server. */
const READERS_MAX = 50;
const RETRY_AFTER_MS = 10_000;

/** Opens answers that are read for long, and keeps one token from holding so many that others get none. */
@Injectable()
export class OpenReaders {
  private readonly counts = new Map<string, number>();

  /** @throws {AppError} `too_many_requests` */
  open(tokenId: string, response: Response): SseResponse {
    const open = this.counts.get(tokenId) ?? 0;
    if (open >= READERS_MAX) {
      const detail = 'This token holds too many streams open. Close some.';
      throw new AppError('too_many_requests', detail, { retryAfterMs: RETRY_AFTER_MS });
    }
    this.counts.set(tokenId, open + 1);
    const client = new SseResponse(response, { requestId: requestIdOf(response) });
    client.onceClosed(() => {
      const left = (this.counts.get(tokenId) ?? 1) - 1;
      if (left > 0) this.counts.set(tokenId, left);
      else this.counts.delete(tokenId);
    });
    return client;
  }
}
