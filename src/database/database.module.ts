import { type DynamicModule, Global, Module } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { PreparedStatements } from './prepared-statements';
import { TenantDatabase } from './tenant-database';

/** Makes the open database injectable. Whoever opened it closes it. */
@Global()
@Module({})
export class DatabaseModule {
  static register(dataSource: DataSource): DynamicModule {
    return {
      module: DatabaseModule,
      providers: [
        { provide: DataSource, useValue: dataSource },
        PreparedStatements,
        TenantDatabase,
      ],
      exports: [DataSource, PreparedStatements, TenantDatabase],
    };
  }
}
