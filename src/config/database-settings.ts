import { z } from 'zod';
import { EXIT_CODE, Secret, StartupError } from '../common';

const connectionString = z
  .string()
  .regex(/^postgres(ql)?:\/\//, 'must start with postgres:// or postgresql://')
  .optional();

/** Where the database is. */
export const DATABASE_SETTINGS = {
  DATABASE_URL: connectionString,
  KEYRUN_RUNTIME_DATABASE_URL: connectionString,
};

/**
 * The connection that serves requests, if the operator names one.
 * @throws {StartupError} exit code 78 when there is no database for it.
 */
export function readRuntimeDatabaseUrl(values: {
  readonly DATABASE_URL?: string | undefined;
  readonly KEYRUN_RUNTIME_DATABASE_URL?: string | undefined;
}): Secret | null {
  const { DATABASE_URL: owner, KEYRUN_RUNTIME_DATABASE_URL: runtime } = values;
  if (runtime === undefined) return null;
  if (owner !== undefined) return new Secret(runtime);
  throw new StartupError(
    'KEYRUN_RUNTIME_DATABASE_URL needs DATABASE_URL beside it, which migrates. Set both or neither.',
    EXIT_CODE.configuration,
  );
}
