import { Client } from 'pg';
import type { DataSource } from 'typeorm';
import { createDataSource, type DatabaseRole } from '../../ormconfig';
import { EXIT_CODE, type Secret, StartupError } from '../common';
import { migrate } from './migrate';
import { refusePrivilegedLogin, refusePrivilegedRole } from './refuse-privileges';
import { makeServerLogin, renewServerLogin, serverLogin } from './server-login';

/** A password that PostgreSQL refuses. */
const WRONG_PASSWORD = '28P01';

/**
 * Migrates as the owner of the tables, then connects as what serves requests: by a login of its own, which is
 * `keyrun_runtime` and can become nothing else, so that no statement gets the rights of the owner back.
 * @param ownerUrl - connection of the owner.
 * @param runtimeUrl - connection of that login; null: one that is made here.
 * @throws {StartupError} exit code 69 when PostgreSQL cannot be reached, refuses us or cannot be migrated; 78 when
 * the login has more rights. The message names host and database, never a password.
 */
export async function openDatabase(
  ownerUrl: Secret,
  runtimeUrl: Secret | null = null,
): Promise<DataSource> {
  await migrateAsOwner(ownerUrl);
  const dataSource =
    runtimeUrl === null
      ? await connectByOwnLogin(ownerUrl)
      : await connect(runtimeUrl, 'KEYRUN_RUNTIME_DATABASE_URL', 'keyrun_runtime');
  return checked(dataSource, refusePrivilegedLogin);
}

/**
 * Migrates, then connects as the role that sees every workspace: for maintenance, never for what serves requests.
 * @throws {StartupError} as {@link openDatabase} does
 */
export async function openMaintenanceDatabase(ownerUrl: Secret): Promise<DataSource> {
  await migrateAsOwner(ownerUrl);
  const dataSource = await connect(ownerUrl, 'DATABASE_URL', 'keyrun_definer');
  return checked(dataSource, () => refusePrivilegedRole(dataSource, 'keyrun_definer'));
}

async function migrateAsOwner(url: Secret): Promise<void> {
  const owner = await connect(url, 'DATABASE_URL');
  try {
    await migrate(owner, url);
  } catch (error) {
    throw new StartupError(
      `The database ${describeTarget(url)} cannot be migrated: ${describeReason(error)}.`,
      EXIT_CODE.unavailable,
    );
  } finally {
    await owner.destroy();
  }
}

async function connectByOwnLogin(ownerUrl: Secret): Promise<DataSource> {
  const login = serverLogin(ownerUrl);
  const open = () => createDataSource(login.url.expose(), 'keyrun_runtime').initialize();
  try {
    await asOwner(ownerUrl, (owner) => makeServerLogin(owner, login));
    return await open().catch(async (error: unknown) => {
      if ((error as { code?: unknown }).code !== WRONG_PASSWORD) throw error;
      // The owner's password has changed. Another node may be doing the same; whether it worked is seen below.
      await asOwner(ownerUrl, (owner) => renewServerLogin(owner, login)).catch(() => undefined);
      return open();
    });
  } catch (error) {
    throw new StartupError(
      `The server needs a login of its own at ${describeTarget(ownerUrl)}, ${login.name}, which cannot be made or used: ${describeReason(error)}. Let the user of DATABASE_URL make roles, or set KEYRUN_RUNTIME_DATABASE_URL. See docs/operating.md.`,
      EXIT_CODE.unavailable,
    );
  }
}

async function asOwner(url: Secret, work: (owner: Client) => Promise<void>): Promise<void> {
  const owner = new Client({ connectionString: url.expose() });
  await owner.connect();
  try {
    await work(owner);
  } finally {
    await owner.end();
  }
}

async function connect(url: Secret, setting: string, role?: DatabaseRole): Promise<DataSource> {
  try {
    return await createDataSource(url.expose(), role).initialize();
  } catch (error) {
    throw new StartupError(
      `PostgreSQL at ${describeTarget(url)} cannot be used: ${describeReason(error)}. Check ${setting} and that the server runs.`,
      EXIT_CODE.unavailable,
    );
  }
}

async function checked(
  dataSource: DataSource,
  check: (dataSource: DataSource) => Promise<void>,
): Promise<DataSource> {
  try {
    await check(dataSource);
    return dataSource;
  } catch (error) {
    await dataSource.destroy();
    throw error;
  }
}

function describeTarget(url: Secret): string {
  try {
    const { hostname, port, pathname } = new URL(url.expose());
    return `${hostname}:${port || '5432'}${pathname}`;
  } catch {
    return 'the address of the setting';
  }
}

/** The driver's message without what a connection string or a row could add to it. */
function describeReason(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  const known: Record<string, string> = {
    ECONNREFUSED: 'connection refused',
    ENOTFOUND: 'the host name does not resolve',
    EAI_AGAIN: 'the host name does not resolve',
    ETIMEDOUT: 'the connection timed out',
    '28P01': 'the password is wrong',
    '28000': 'the user is not allowed to connect',
    '42501': 'its user lacks the right',
    '3D000': 'the database does not exist',
  };
  return (code !== undefined ? known[code] : undefined) ?? code ?? message ?? 'unknown reason';
}
