import { createHash, createHmac, pbkdf2Sync, randomBytes, scryptSync } from 'node:crypto';
import { Client } from 'pg';
import { Secret } from '../common';

const SCRAM_ITERATIONS = 4_096;

/** The role that the pool for requests logs in as. It is a member of `keyrun_runtime` and of nothing else. */
export interface ServerLogin {
  /** One per owner, since roles belong to the whole cluster and owners of other databases have other passwords. */
  readonly name: string;
  /** Null: the owner has none either, so PostgreSQL trusts whom the connection comes from. */
  readonly password: Secret | null;
  /** The connection string of the owner with this login in the owner's place. */
  readonly url: Secret;
}

/**
 * The login beside the owner of a connection string. Its password derives from the owner's, so nodes that share
 * the connection string share the login, and nothing more has to be kept or configured.
 */
export function serverLogin(ownerUrl: Secret): ServerLogin {
  const { user = '', password } = new Client({ connectionString: ownerUrl.expose() });
  const name = `keyrun_server_${createHash('sha256').update(user).digest('hex').slice(0, 8)}`;
  const derived = password ? derivePassword(password, name) : null;
  const url = new Secret(withLogin(ownerUrl.expose(), name, derived?.expose()));
  return { name, password: derived, url };
}

/**
 * Makes the login unless it is there. It may change what its own sessions begin with, such as to be read-only, and so
 * could a statement that should never have run: a start takes that away.
 * @param owner - connection of the owner of the tables, who may make roles.
 */
export async function makeServerLogin(owner: Client, login: ServerLogin): Promise<void> {
  const name = owner.escapeIdentifier(login.name);
  const literal = owner.escapeLiteral(login.name);
  await owner.query(`
    DO $$ BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${literal}) THEN
        CREATE ROLE ${name} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION
          PASSWORD ${passwordLiteral(owner, login)};
      END IF;
      IF NOT pg_has_role(${literal}, 'keyrun_runtime', 'MEMBER') THEN
        GRANT keyrun_runtime TO ${name};
      END IF;
      IF EXISTS (SELECT FROM pg_db_role_setting WHERE setrole = ${literal}::regrole
                    AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))) THEN
        ALTER ROLE ${name} RESET ALL;
        EXECUTE format('ALTER ROLE %I IN DATABASE %I RESET ALL', ${literal}, current_database());
      END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END $$`);
}

/** Gives the login the password that now derives from the owner's. */
export async function renewServerLogin(owner: Client, login: ServerLogin): Promise<void> {
  const name = owner.escapeIdentifier(login.name);
  await owner.query(`ALTER ROLE ${name} LOGIN PASSWORD ${passwordLiteral(owner, login)}`);
}

/** Slow (some 40 ms): whoever learns the password of the login shall not try out passwords of the owner with it. */
function derivePassword(ownerPassword: string, name: string): Secret {
  return new Secret(
    scryptSync(ownerPassword, `keyrun server login ${name}`, 32).toString('base64url'),
  );
}

/** Only what checks the password: statements may be logged. */
function passwordLiteral(client: Client, { password }: ServerLogin): string {
  return password === null ? 'NULL' : client.escapeLiteral(scramVerifier(password));
}

function scramVerifier(password: Secret): string {
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password.expose(), salt, SCRAM_ITERATIONS, 32, 'sha256');
  const keyOf = (purpose: string) => createHmac('sha256', salted).update(purpose).digest();
  const storedKey = createHash('sha256').update(keyOf('Client Key')).digest('base64');
  const serverKey = keyOf('Server Key').toString('base64');
  const salts = `${SCRAM_ITERATIONS}:${salt.toString('base64')}`;
  return `SCRAM-SHA-256$${salts}$${storedKey}:${serverKey}`;
}

/** By text, because the driver takes connection strings that are no URLs, such as `postgres:///database?host=/run`. */
function withLogin(url: string, user: string, password: string | undefined): string {
  const [, scheme = '', rest = ''] = /^(\w+:\/\/)(?:[^/?#]*@)?(.*)$/s.exec(url) ?? [];
  const [target = '', query = ''] = rest.split('?', 2);
  const options = query.split('&').filter((option) => !/^(user|password)=|^$/.test(option));
  const credentials = password === undefined ? user : `${user}:${password}`;
  return `${scheme}${credentials}@${target}${options.length > 0 ? `?${options.join('&')}` : ''}`;
}
