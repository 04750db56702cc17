import { Module } from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import { Environment } from '../config';
import { loggerOptions } from './logger-options';

/** Structured logs: one JSON line per event on standard output. */
@Module({
  imports: [
    LoggerModule.forRootAsync({
      inject: [Environment],
      useFactory: (environment: Environment) => ({ pinoHttp: loggerOptions(environment) }),
    }),
  ],
})
export class TelemetryModule {}
