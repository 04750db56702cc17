import type { DataSource } from 'typeorm';
import type { DatabaseRole } from '../../ormconfig';
import { EXIT_CODE, StartupError } from '../common';

/**
 * Roles that the login is or could turn into and that row-level security does not bind: superusers, those that
 * bypass it, replicate it or make roles, owners of what is behind it, and PostgreSQL's own, which read everything.
 */
const UNBOUND = `
  SELECT rolname AS name FROM pg_roles
   WHERE pg_has_role(session_user, oid, 'MEMBER')
     AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolreplication
       OR rolname = 'keyrun_definer' OR rolname LIKE 'pg\\_%'
       OR EXISTS (SELECT FROM pg_database WHERE datname = current_database() AND datdba = pg_roles.oid)
       OR EXISTS (SELECT FROM pg_namespace WHERE nspname IN ('public', 'pgboss') AND nspowner = pg_roles.oid)
       OR EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid
             AND relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'pgboss'))))
   ORDER BY rolname <> session_user, rolname LIMIT 1`;

/**
 * What serves requests must be bound by row-level security, also after a `RESET ROLE`.
 * @throws {StartupError} exit code 78, naming the role
 */
export async function refusePrivilegedLogin(dataSource: DataSource): Promise<void> {
  const [unbound] = await dataSource.query<{ name: string }[]>(UNBOUND);
  if (unbound === undefined) return;
  throw new StartupError(
    `The login that serves requests is, or could become, the role ${unbound.name}, which row-level security does not bind. It must be a member of keyrun_runtime and of nothing else: see docs/operating.md, or leave KEYRUN_RUNTIME_DATABASE_URL out.`,
    EXIT_CODE.configuration,
  );
}

/**
 * The role of the command line sees every workspace by its own policies, and needs no more than these.
 * @throws {StartupError} exit code 78, naming the role
 */
export async function refusePrivilegedRole(
  dataSource: DataSource,
  role: DatabaseRole,
): Promise<void> {
  const [row] = await dataSource.query<{ isBound: boolean }[]>(`
    SELECT NOT (rolsuper OR rolbypassrls) AND NOT EXISTS (
             SELECT FROM pg_class WHERE relowner = pg_roles.oid
               AND relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')) AS "isBound"
      FROM pg_roles WHERE rolname = current_user`);
  if (row?.isBound === true) return;
  throw new StartupError(
    `The database role ${role} is a superuser, bypasses row-level security or owns tables. Run: ALTER ROLE ${role} NOSUPERUSER NOBYPASSRLS; and give its tables to another role.`,
    EXIT_CODE.configuration,
  );
}
