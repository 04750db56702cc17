import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { EXIT_CODE, Secret, StartupError } from '../common';
import { DATABASE_SETTINGS, readRuntimeDatabaseUrl } from './database-settings';
import { EXECUTION_SETTINGS } from './execution-settings';
import { HTTP_SETTINGS } from './http-settings';
import {
  KEY_SERVICE_VARIABLES,
  type KeyServiceSettings,
  readKeyServiceSettings,
} from './key-service-settings';

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const integer = (minimum: number, maximum: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `must be a whole number from ${minimum} to ${maximum}`)
    .transform(Number)
    .pipe(z.number().min(minimum).max(maximum));

/** At least room for one long answer. */
const byteCount = z
  .string()
  .regex(/^\d{7,15}$/, 'must be a whole number of bytes, at least 1000000')
  .transform(Number)
  .pipe(z.number().min(1_000_000));

/** `host:port` entries, lower case; an IPv6 host stands in brackets. */
const hostList = z
  .string()
  .transform((text) => text.split(',').map((entry) => entry.trim().toLowerCase()))
  .transform((entries) => entries.filter((entry) => entry !== ''))
  .pipe(
    z.array(
      z
        .string()
        .regex(/^(\[[0-9a-f:.]+\]|[a-z0-9.-]+):\d{1,5}$/, 'must be host:port, separated by commas'),
    ),
  );

/**
 * Every variable that Keyrun reads. `.env.example` lists the same names; a test compares the two.
 * A variable that is set but empty counts as not set, except the root keys, where empty is malformed.
 */
export const ENVIRONMENT_SCHEMA = z.object({
  NODE_ENV: z.enum(['development', 'production', 'test']).default('development'),
  HOST: z.string().min(1).default('127.0.0.1'),
  PORT: integer(0, 65_535).default(3000),
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  ...DATABASE_SETTINGS,
  KEYRUN_DATA_DIR: z.string().min(1).default('./data'),
  KEYRUN_JOURNAL_MAX_BYTES: byteCount.default(2 ** 30),
  KEYRUN_ROOT_KEY: z.string().optional(),
  KEYRUN_ROOT_KEY_FILE: z.string().optional(),
  KEYRUN_PREVIOUS_ROOT_KEYS: z.string().optional(),
  KEYRUN_PREVIOUS_ROOT_KEYS_FILE: z.string().optional(),
  ...KEY_SERVICE_VARIABLES,
  KEYRUN_BOOTSTRAP_TOKEN_FILE: z.string().min(1).optional(),
  KEYRUN_CUSTOM_BASE_URL: z.enum(['off', 'https-public', 'allowlist']).default('https-public'),
  KEYRUN_ALLOWED_HOSTS: hostList.default([]),
  ...EXECUTION_SETTINGS,
  ...HTTP_SETTINGS,
});

const SECRET_VARIABLES = ['KEYRUN_ROOT_KEY', 'KEYRUN_PREVIOUS_ROOT_KEYS'] as const;

/** Removed from `process.env` once they are read. */
const SECRETS_OF_PROCESS = [
  ...SECRET_VARIABLES,
  'KEYRUN_KMS_VAULT_TOKEN',
  'DATABASE_URL',
  'KEYRUN_RUNTIME_DATABASE_URL',
] as const;

/** The text of a secret setting and the name of the variable it came from, for error messages. */
export interface SecretSetting {
  readonly source: string;
  readonly text: Secret;
}

/** All settings: parsed, validated, typed, frozen. The only reader of `process.env`. */
export class Environment {
  readonly nodeEnvironment: 'development' | 'production' | 'test';
  readonly host: string;
  /** TCP port; 0 lets the system choose one. */
  readonly port: number;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** Connection of an external PostgreSQL; `null` starts the embedded one. Holds a password. */
  readonly databaseUrl: Secret | null;
  /** What serves requests logs in by this; `null`: by a login that the start makes. Holds a password. */
  readonly runtimeDatabaseUrl: Secret | null;
  /** Absolute path of the folder for the embedded database, the root key and the owner token. */
  readonly dataDirectory: string;
  /** What the receipt journal of one server may take, in bytes. */
  readonly journalBytes: number;
  readonly rootKey: SecretSetting | null;
  /** Root keys that may still open data keys but seal none. */
  readonly previousRootKeys: readonly SecretSetting[];
  /** Where root keys live, and which of these places wraps new data keys. */
  readonly keyServices: KeyServiceSettings;
  /** File with the owner token to install at first start, instead of a generated one. */
  readonly bootstrapTokenFile: string | null;
  readonly customBaseUrl: 'off' | 'https-public' | 'allowlist';
  /** `host:port` of loopback or private targets that a custom base URL or a webhook may name. */
  readonly allowedHosts: readonly string[];
  /** Whether prompts and answers are kept, for workspaces that do not say. */
  readonly storeContent: 'full' | 'metadata';
  /** How long an `Idempotency-Key` is remembered. */
  readonly idempotencyHours: number;
  /** Asynchronous executions that this server runs at once. */
  readonly asyncConcurrency: number;
  /** Asynchronous executions of one workspace that may wait. */
  readonly queuedExecutionsPerWorkspace: number;
  /** How long executions under way may go on after a signal to stop. */
  readonly drainSeconds: number;
  /** Null: the ledger is kept for ever. */
  readonly executionRetentionDays: number | null;
  /** Null: prompts and answers are kept as long as the ledger. */
  readonly contentRetentionDays: number | null;
  /** `name` or `name:port` that a `Host` header may say besides the loopback names. */
  readonly publicHosts: readonly string[];
  /** People reach the server by https: a proxy in front of it terminates TLS. */
  readonly isBehindTls: boolean;
  /** Proxies whose X-Forwarded-For is believed: how many, or their addresses; none: the header is ignored. */
  readonly trustedProxies: number | readonly string[];
  /** Per access token, on all routes but executions. */
  readonly managementRequestsPerMinute: number;
  /** Per workspace, of keys and of webhooks each; an hour allows six times as many. */
  readonly keyTestsPerMinute: number;
  /** Per address; more of them block it. */
  readonly failedAuthenticationsPerMinute: number;

  private constructor(values: z.infer<typeof ENVIRONMENT_SCHEMA>) {
    this.nodeEnvironment = values.NODE_ENV;
    this.host = values.HOST;
    this.port = values.PORT;
    this.logLevel = values.LOG_LEVEL;
    this.databaseUrl = values.DATABASE_URL === undefined ? null : new Secret(values.DATABASE_URL);
    this.runtimeDatabaseUrl = readRuntimeDatabaseUrl(values);
    this.dataDirectory = resolve(values.KEYRUN_DATA_DIR);
    this.journalBytes = values.KEYRUN_JOURNAL_MAX_BYTES;
    this.rootKey = secretSetting(values, 'KEYRUN_ROOT_KEY');
    this.previousRootKeys = splitKeys(secretSetting(values, 'KEYRUN_PREVIOUS_ROOT_KEYS'));
    this.keyServices = readKeyServiceSettings(values);
    this.bootstrapTokenFile = values.KEYRUN_BOOTSTRAP_TOKEN_FILE ?? null;
    this.customBaseUrl = values.KEYRUN_CUSTOM_BASE_URL;
    this.allowedHosts = Object.freeze(values.KEYRUN_ALLOWED_HOSTS);
    this.storeContent = values.KEYRUN_STORE_CONTENT;
    this.idempotencyHours = values.KEYRUN_IDEMPOTENCY_HOURS;
    this.asyncConcurrency = values.KEYRUN_ASYNC_CONCURRENCY;
    this.queuedExecutionsPerWorkspace = values.KEYRUN_QUEUED_EXECUTIONS_PER_WORKSPACE;
    this.drainSeconds = values.KEYRUN_DRAIN_SECONDS;
    this.executionRetentionDays = values.KEYRUN_EXECUTION_RETENTION_DAYS ?? null;
    this.contentRetentionDays = values.KEYRUN_CONTENT_RETENTION_DAYS ?? null;
    this.publicHosts = Object.freeze(values.KEYRUN_PUBLIC_HOSTS);
    this.isBehindTls = values.KEYRUN_BEHIND_TLS;
    this.trustedProxies = values.KEYRUN_TRUSTED_PROXIES;
    this.managementRequestsPerMinute = values.KEYRUN_MANAGEMENT_REQUESTS_PER_MINUTE;
    this.keyTestsPerMinute = values.KEYRUN_KEY_TESTS_PER_MINUTE;
    this.failedAuthenticationsPerMinute = values.KEYRUN_FAILED_AUTHENTICATIONS_PER_MINUTE;
    Object.freeze(this);
  }

  get isProduction(): boolean {
    return this.nodeEnvironment === 'production';
  }

  /**
   * Reads the settings.
   * @throws {StartupError} exit code 78; names each bad variable and what it must be, never its value.
   */
  static parse(variables: Readonly<Record<string, string | undefined>>): Environment {
    const present = Object.entries(variables).filter(
      ([name, value]) => value !== '' || isSecretVariable(name),
    );
    const parsed = ENVIRONMENT_SCHEMA.safeParse(Object.fromEntries(present));
    if (parsed.success) return new Environment(parsed.data);
    const faults = parsed.error.issues.map(
      (issue) => `${issue.path[0]?.toString() ?? ''}: ${issue.message}`,
    );
    throw new StartupError(
      `The environment has invalid settings. ${faults.join('; ')}. See .env.example.`,
      EXIT_CODE.configuration,
    );
  }

  /** Reads `process.env`, then removes root keys, tokens and passwords from it so that crash reports cannot show them. */
  static fromProcess(): Environment {
    const environment = Environment.parse(process.env);
    for (const name of SECRETS_OF_PROCESS) Reflect.deleteProperty(process.env, name);
    return environment;
  }
}

function isSecretVariable(name: string): boolean {
  return SECRET_VARIABLES.some((variable) => name === variable || name === `${variable}_FILE`);
}

function secretSetting(
  values: z.infer<typeof ENVIRONMENT_SCHEMA>,
  name: (typeof SECRET_VARIABLES)[number],
): SecretSetting | null {
  const fileVariable = `${name}_FILE` as const;
  const text = values[name];
  const path = values[fileVariable];
  if (text !== undefined && path !== undefined) {
    throw new StartupError(`Set ${name} or ${fileVariable}, not both.`, EXIT_CODE.configuration);
  }
  if (path !== undefined) {
    const secret = { source: fileVariable, text: readSecretFile(path, fileVariable) };
    if (values.NODE_ENV === 'production') refuseOpenFile(path, fileVariable);
    return secret;
  }
  return text === undefined ? null : { source: name, text: new Secret(text) };
}

function readSecretFile(path: string, variable: string): Secret {
  try {
    return new Secret(readFileSync(path, 'utf8').replace(/\r?\n$/, ''));
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw new StartupError(
      `${variable} names a file that cannot be read (${reason}): ${path}`,
      EXIT_CODE.configuration,
    );
  }
}

/** Owner and group may read it; a group is how containers hand out secrets. */
function refuseOpenFile(path: string, variable: string): void {
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o007) === 0) return;
  throw new StartupError(
    `${variable} names a file that everybody may use (mode 0${mode.toString(8)}); want 0600. Others may have read the root key: rotate it.`,
    EXIT_CODE.configuration,
  );
}

function splitKeys(setting: SecretSetting | null): readonly SecretSetting[] {
  if (setting === null) return [];
  const texts = setting.text
    .expose()
    .split(/[,\n]/)
    .map((text) => text.trim());
  return texts.map((text) => ({ source: setting.source, text: new Secret(text) }));
}
