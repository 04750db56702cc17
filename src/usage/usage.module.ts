import { Module } from '@nestjs/common';
import { UsageQueries } from './usage-queries';
import { UsageReports } from './usage-reports';
import { UsageController } from './usage.controller';

/** Reports what executions used and cost, from the rows of the ledger. */
@Module({
  controllers: [UsageController],
  providers: [UsageQueries, UsageReports],
})
export class UsageModule {}
