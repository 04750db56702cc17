import { Module } from '@nestjs/common';
import { Environment } from '../config';
import { OutboundPolicy } from './outbound-policy';

/** Where this server may send anything, for every module that sends. */
@Module({
  providers: [
    {
      provide: OutboundPolicy,
      useFactory: (environment: Environment) => new OutboundPolicy(environment),
      inject: [Environment],
    },
  ],
  exports: [OutboundPolicy],
})
export class OutboundModule {}
