import { Injectable } from '@nestjs/common';

/** How often it is looked at whether who reads may still read. A test puts a shorter one in its place. */
@Injectable()
export class AccessCheckInterval {
  readonly milliseconds: number = 10_000;
}
