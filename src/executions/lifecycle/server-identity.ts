import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';

/** Who this process is among the servers, from its start to its end. A restarted one is another. */
@Injectable()
export class ServerIdentity {
  readonly id = uuidv7();
}
