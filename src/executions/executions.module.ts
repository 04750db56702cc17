import { Module } from '@nestjs/common';
import { AiProvidersModule } from '../ai-providers';
import { ApiKeysModule } from '../api-keys';
import { ExecutionLedger } from './execution-ledger';
import { ExecutionQueries } from './execution-queries';
import { ExecutionTracker } from './execution-tracker';
import { ExecutionsController } from './executions.controller';
import { ExecutionsService } from './executions.service';
import { PartitionKeeper } from './partition-keeper';

/** Runs executions on the keys of a workspace, and tracks each to its end. */
@Module({
  imports: [AiProvidersModule, ApiKeysModule],
  controllers: [ExecutionsController],
  providers: [
    ExecutionLedger,
    ExecutionTracker,
    ExecutionsService,
    ExecutionQueries,
    PartitionKeeper,
  ],
})
export class ExecutionsModule {}
