import { Injectable } from '@nestjs/common';

/**
 * How far the schedule runs ahead of the clock of the database, which all nodes share. Here not at all; a test that has
 * no three days puts another clock in its place. Signatures always carry the real time.
 */
@Injectable()
export class DeliveryClock {
  /** Whole milliseconds, ≥ 0. */
  aheadMs(): number {
    return 0;
  }
}
