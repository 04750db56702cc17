import { Module } from '@nestjs/common';
import { ExecutionQueue } from './execution-queue';
import { PgBossExecutionQueue } from './pg-boss-execution-queue';

/** Provides the queue of the wake-ups. It closes with the application, after the last request. */
@Module({
  providers: [{ provide: ExecutionQueue, useClass: PgBossExecutionQueue }],
  exports: [ExecutionQueue],
})
export class QueueModule {}
