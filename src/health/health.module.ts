import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { ApiKeysModule } from '../api-keys';
import { HealthController } from './health.controller';

/** Tells whether the process lives and whether it can serve. */
@Module({
  imports: [ApiKeysModule, TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController],
})
export class HealthModule {}
