import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type INestApplicationContext, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { DataSource } from 'typeorm';
import { appendAuditEvents, type AuditAction, type AuditDetails } from '../audit-trail';
import { EXIT_CODE, Secret, StartupError } from '../common';
import { Environment } from '../config';
import { EmbeddedPostgres, openMaintenanceDatabase } from '../database';
import { openKeyEncryption, rootKeyFile } from '../startup';
import { MaintenanceModule } from './maintenance.module';

type Closers = (() => Promise<unknown>)[];

/** The vault and its database, opened for one command beside the server or without it. */
export class MaintenanceSession {
  private constructor(
    readonly environment: Environment,
    private readonly dataSource: DataSource,
    private readonly context: INestApplicationContext,
    private readonly closers: Closers,
  ) {}

  /**
   * Opens the database of DATABASE_URL, else that of the running server, else the embedded one.
   * @throws {StartupError} as the start of the server does
   */
  static async open(): Promise<MaintenanceSession> {
    const environment = Environment.fromProcess();
    const closers: Closers = [];
    try {
      const dataSource = await openAnyDatabase(environment, closers);
      closers.push(() => dataSource.destroy());
      const { keyEncryption } = await openKeyEncryption(environment, dataSource);
      const context = await NestFactory.createApplicationContext(
        MaintenanceModule.register({ environment, dataSource, keyEncryption }),
        { logger: false, abortOnError: false },
      );
      closers.push(() => context.close());
      return new MaintenanceSession(environment, dataSource, context, closers);
    } catch (error) {
      await closeAll(closers);
      throw error;
    }
  }

  get<T>(type: Type<T>): T {
    return this.context.get(type, { strict: false });
  }

  /**
   * Does work on files and records it in the chain of the server. Without a database the work is not begun; should only
   * the recording fail, the command fails.
   */
  async recorded<T>(
    action: AuditAction,
    work: () => Promise<T>,
    describe: (result: T) => AuditDetails,
  ): Promise<T> {
    return this.dataSource.transaction(async (transaction) => {
      const result = await work();
      const details = describe(result);
      await appendAuditEvents(transaction, { workspaceId: null, action, subjectId: null, details });
      return result;
    });
  }

  /**
   * An embedded server reads its root key files once, when it and its database start.
   * @throws {StartupError} while the running server knows the former root key only
   */
  async assertServerKnowsRootKey(): Promise<void> {
    if (this.environment.databaseUrl !== null || this.environment.rootKey !== null) return;
    // The first start makes the key after its database started; only a change leaves a former one behind.
    if ((await modifiedAt(rootKeyFile(this.environment, 'previous'))) === null) return;
    const changedAt = await modifiedAt(rootKeyFile(this.environment, 'active'));
    const [row] = await this.dataSource.query<[{ startedAt: Date }]>(
      `SELECT pg_postmaster_start_time() AS "startedAt"`,
    );
    if (changedAt === null || changedAt <= row.startedAt) return;
    throw new StartupError(
      'The running server was started before the root key changed and could not open what would be re-wrapped. Restart it, then repeat.',
      EXIT_CODE.unavailable,
    );
  }

  async close(): Promise<void> {
    await closeAll(this.closers);
  }
}

async function openAnyDatabase(environment: Environment, closers: Closers): Promise<DataSource> {
  const { databaseUrl, dataDirectory } = environment;
  if (databaseUrl !== null) return openMaintenanceDatabase(databaseUrl);
  const running = await openRunningDatabase(dataDirectory);
  if (running !== null) return running;
  if ((await modifiedAt(join(dataDirectory, 'postgres'))) === null) {
    throw new StartupError(
      `There is no database in ${dataDirectory}. Start the server once, or set KEYRUN_DATA_DIR or DATABASE_URL.`,
      EXIT_CODE.unavailable,
    );
  }
  const embedded = await EmbeddedPostgres.start({ dataDirectory });
  closers.push(() => embedded.stop());
  return openMaintenanceDatabase(embedded.url);
}

/** Null: there is no server; the file may be left over from one that has ended. */
async function openRunningDatabase(dataDirectory: string): Promise<DataSource | null> {
  try {
    const url = (await readFile(join(dataDirectory, 'database-url'), 'utf8')).trim();
    return await openMaintenanceDatabase(new Secret(url));
  } catch {
    return null;
  }
}

async function modifiedAt(path: string): Promise<Date | null> {
  try {
    return (await stat(path)).mtime;
  } catch {
    return null;
  }
}

async function closeAll(closers: Closers): Promise<void> {
  for (const closer of closers.splice(0).reverse()) await closer();
}
