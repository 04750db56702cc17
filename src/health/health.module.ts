import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { ApiKeysModule } from '../api-keys';
import { ExecutionsModule } from '../executions';
import { HealthController } from './health.controller';

/** Tells whether the process lives and whether it can serve. */
@Module({
  imports: [ApiKeysModule, ExecutionsModule, TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController],
})
export class HealthModule {}
