import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from '../app.module';
import { APP_OPTIONS, configureApp } from '../app.setup';
import { EXIT_CODE, type Secret, StartupError } from '../common';
import type { Environment } from '../config';
import { CryptoService } from '../crypto';
import { EmbeddedPostgres, openDatabase } from '../database';
import { FirstOwner } from '../workspaces';
import { awaitKeyService } from './await-key-service';
import { prepareDataDirectory } from './data-directory';
import { openKeyEncryption } from './key-encryption-source';
import { ensureWayIn, type WayIn } from './owner-token';

/** A server that listens. */
export interface RunningServer {
  /** Where it listens, e.g. `http://127.0.0.1:3000`. */
  readonly baseUrl: string;
  readonly wayIn: WayIn | null;
  readonly generatedRootKeyFile: string | null;
  /** Finishes the requests under way, then closes everything, the embedded database last. */
  close(): Promise<void>;
}

/** What was opened, to be closed in reverse order. */
type Closers = (() => Promise<unknown>)[];

/**
 * Opens database, root key and application, in this order, and listens.
 * @throws {StartupError} what cannot work; everything that was opened is closed again.
 */
export async function startServer(environment: Environment): Promise<RunningServer> {
  const closers: Closers = [];
  let closing: Promise<void> | null = null;
  const close = () => (closing ??= closeAll(closers));
  try {
    return { ...(await open(environment, closers)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function closeAll(closers: Closers): Promise<void> {
  for (const closer of closers.splice(0).reverse()) await closer();
}

async function open(
  environment: Environment,
  closers: Closers,
): Promise<Omit<RunningServer, 'close'>> {
  await prepareDataDirectory(environment.dataDirectory);
  const ownerUrl = await databaseUrl(environment, closers);
  const dataSource = await openDatabase(ownerUrl, environment.runtimeDatabaseUrl);
  closers.push(() => dataSource.destroy());
  const { keyEncryption, generatedFile } = await openKeyEncryption(environment, dataSource);

  const app = await NestFactory.create<NestExpressApplication>(
    AppModule.register({ environment, dataSource, keyEncryption }),
    { ...APP_OPTIONS, abortOnError: false },
  );
  closers.push(() => app.close());
  configureApp(app);
  const crypto = app.get(CryptoService, { strict: false });
  await awaitKeyService(() => crypto.verifyRootKey());
  const wayIn = await ensureWayIn(environment, app.get(FirstOwner, { strict: false }));
  const baseUrl = await listen(app, environment);
  return { baseUrl, wayIn, generatedRootKeyFile: generatedFile };
}

async function databaseUrl(environment: Environment, closers: Closers): Promise<Secret> {
  if (environment.databaseUrl !== null) return environment.databaseUrl;
  const embedded = await EmbeddedPostgres.start({
    dataDirectory: environment.dataDirectory,
    onRestart: () =>
      process.stderr.write('keyrun: the embedded PostgreSQL ended; starting it again\n'),
  });
  closers.push(() => embedded.stop());
  return embedded.url;
}

async function listen(app: NestExpressApplication, environment: Environment): Promise<string> {
  const { host, port } = environment;
  try {
    await app.listen(port, host);
    const url = await app.getUrl();
    return url.replace('[::1]', 'localhost');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reasons: Record<string, string> = {
      EADDRINUSE: 'is in use by another process. Stop it, or set PORT to a free one',
      EACCES: 'needs more rights than this user has. Set PORT to one above 1023',
      EADDRNOTAVAIL: 'is no address of this machine. Set HOST',
    };
    const reason = reasons[code ?? ''] ?? `cannot be opened (${code ?? 'unknown reason'})`;
    throw new StartupError(`Port ${port} on ${host} ${reason}.`, EXIT_CODE.unavailable);
  }
}
