import type { DataSource } from 'typeorm';
import { createDataSource, type DatabaseRole } from '../../ormconfig';
import { EXIT_CODE, type Secret, StartupError } from '../common';
import { migrate } from './migrate';

/**
 * Migrates as the owner of the tables, then connects as a role that row-level security binds.
 * @param role - `keyrun_definer` sees every workspace: for maintenance, never for what serves requests.
 * @throws {StartupError} exit code 69 when PostgreSQL cannot be reached, refuses us or cannot be migrated;
 * the message names host and database, never the password.
 */
export async function openDatabase(
  url: Secret,
  role: DatabaseRole = 'keyrun_runtime',
): Promise<DataSource> {
  const owner = await connect(url);
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
  const dataSource = await connect(url, role);
  await refusePrivileges(dataSource, role);
  return dataSource;
}

async function connect(url: Secret, role?: DatabaseRole): Promise<DataSource> {
  try {
    return await createDataSource(url.expose(), role).initialize();
  } catch (error) {
    throw new StartupError(
      `PostgreSQL at ${describeTarget(url)} cannot be used: ${describeReason(error)}. Check DATABASE_URL and that the server runs.`,
      EXIT_CODE.unavailable,
    );
  }
}

/** Row-level security binds neither a superuser nor a role that bypasses it nor, in part, an owner. */
async function refusePrivileges(dataSource: DataSource, role: DatabaseRole): Promise<void> {
  const [row] = await dataSource.query<{ isBound: boolean }[]>(`
    SELECT NOT (rolsuper OR rolbypassrls) AND NOT EXISTS (
             SELECT FROM pg_class WHERE relowner = pg_roles.oid
               AND relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')) AS "isBound"
      FROM pg_roles WHERE rolname = current_user`);
  if (row?.isBound === true) return;
  await dataSource.destroy();
  throw new StartupError(
    `The database role ${role} is a superuser, bypasses row-level security or owns tables. Run: ALTER ROLE ${role} NOSUPERUSER NOBYPASSRLS; and give its tables to another role.`,
    EXIT_CODE.configuration,
  );
}

function describeTarget(url: Secret): string {
  try {
    const { hostname, port, pathname } = new URL(url.expose());
    return `${hostname}:${port || '5432'}${pathname}`;
  } catch {
    return 'the address in DATABASE_URL';
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
    '3D000': 'the database does not exist',
  };
  return (code !== undefined ? known[code] : undefined) ?? code ?? message ?? 'unknown reason';
}
