import type { DataSource } from 'typeorm';
import { createDataSource } from '../../ormconfig';
import { EXIT_CODE, type Secret, StartupError } from '../common';
import { migrate } from './migrate';

/**
 * Connects and migrates.
 * @throws {StartupError} exit code 69 when PostgreSQL cannot be reached, refuses us or cannot be migrated;
 * the message names host and database, never the password.
 */
export async function openDatabase(url: Secret): Promise<DataSource> {
  const dataSource = createDataSource(url.expose());
  try {
    await dataSource.initialize();
  } catch (error) {
    throw new StartupError(
      `PostgreSQL at ${describeTarget(url)} cannot be used: ${describeReason(error)}. Check DATABASE_URL and that the server runs.`,
      EXIT_CODE.unavailable,
    );
  }
  try {
    await migrate(dataSource, url);
    return dataSource;
  } catch (error) {
    await dataSource.destroy();
    throw new StartupError(
      `The database ${describeTarget(url)} cannot be migrated: ${describeReason(error)}.`,
      EXIT_CODE.unavailable,
    );
  }
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
