import { type DynamicModule, Global, Module } from '@nestjs/common';
import { Environment } from './environment';

/** Makes the parsed {@link Environment} injectable everywhere. */
@Global()
@Module({})
export class ConfigModule {
  static register(environment: Environment): DynamicModule {
    return {
      module: ConfigModule,
      providers: [{ provide: Environment, useValue: environment }],
      exports: [Environment],
    };
  }
}
