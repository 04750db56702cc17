import { Module } from '@nestjs/common';
import { AiProvidersModule } from '../ai-providers';
import { ApiKeysModule } from '../api-keys';
import { ExecutionLedger } from './execution-ledger';
import { ExecutionQueries } from './execution-queries';
import { ExecutionTracker } from './execution-tracker';
import { ExecutionsController } from './executions.controller';
import { ExecutionsService } from './executions.service';
import { PartitionKeeper } from './partition-keeper';

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
