import { Injectable } from '@nestjs/common';
import { type AIProvider, ProviderError } from '../ai-providers';
import { appendAuditEvents } from '../audit-trail';
import { AppError, ERROR_CATALOGUE, type ErrorCode } from '../common';
import { Environment } from '../config';
import { TenantDatabase } from '../database';
import { describeDestination } from './api-key-audit';
import { ApiKeyCredentials, type ResolvedCredential } from './api-key-credentials';
import type { TestApiKeyResponse } from './dto/api-key.response';

/** A test is one small request; a vendor that takes longer is not usable anyway. */
const TEST_TIMEOUT_MS = 15_000;

/**
 * Whether a host is there, whether it answers, and whether its name leads inside: of a host that a tenant named, all of
 * these look alike, so that the test maps no network.
 */
const UNREACHED: ReadonlySet<string> = new Set([
  'blocked_destination',
  'connect_failed',
  'connection_lost',
  'timeout_no_response',
]);
const COARSE_MS = 1_000;

/** The key under test. */
export interface TestedKey {
  readonly workspaceId: string;
  /** Null: it is not saved. */
  readonly keyId: string | null;
  readonly provider: string;
  readonly baseUrl: string | null;
}

/** Asks the provider whether it accepts a key, by a real call that costs nothing. Each test is audited. */
@Injectable()
export class ApiKeyTests {
  constructor(
    private readonly credentials: ApiKeyCredentials,
    private readonly tenants: TenantDatabase,
    private readonly environment: Environment,
  ) {}

  /** Tests with the given provider object; a refusal is a result, not an error. */
  async run(key: TestedKey, provider: AIProvider): Promise<TestApiKeyResponse> {
    const result = await ask(provider);
    const isTold = key.baseUrl === null || this.isNamedByOperator(key.baseUrl);
    return this.audited(key, isTold ? result : withoutHints(result));
  }

  /** Tests a saved key and keeps the result with it. */
  async runSaved(
    key: TestedKey,
    credential: ResolvedCredential,
    provider: AIProvider,
  ): Promise<TestApiKeyResponse> {
    const result = await this.run(key, provider);
    await this.credentials.noteTest(credential, result.category);
    return result;
  }

  /** The answer for a saved key that does not open or may not be sent: also a result, found without any call. */
  async unusable(key: TestedKey, error: unknown): Promise<TestApiKeyResponse> {
    if (!(error instanceof AppError) || !isVerdict(error.code)) throw error;
    return this.audited(key, {
      ok: false,
      category: error.code,
      message: error.message,
      latencyMs: 0,
      model: null,
    });
  }

  private isNamedByOperator(baseUrl: string): boolean {
    const { hostname, port, protocol } = new URL(baseUrl);
    const effectivePort = port || (protocol === 'https:' ? '443' : '80');
    return this.environment.allowedHosts.includes(`${hostname}:${effectivePort}`);
  }

  private async audited(key: TestedKey, result: TestApiKeyResponse): Promise<TestApiKeyResponse> {
    const { workspaceId, keyId, provider, baseUrl } = key;
    const { ok, category } = result;
    const details = { provider, destination: describeDestination(baseUrl), ok, category };
    await this.tenants.write(workspaceId, (manager) =>
      appendAuditEvents(manager, {
        workspaceId,
        action: 'api-key.tested',
        subjectId: keyId,
        details,
      }),
    );
    return result;
  }
}

async function ask(provider: AIProvider): Promise<TestApiKeyResponse> {
  const startedAt = performance.now();
  try {
    const { model } = await provider.testCredential({ timeoutMs: TEST_TIMEOUT_MS });
    const message = 'The provider accepted the key.';
    return { ok: true, category: 'ok', message, latencyMs: elapsedMs(startedAt), model };
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    const { category } = error;
    const { title, remedy } = ERROR_CATALOGUE[category];
    const message = `${title}. ${remedy}`;
    return { ok: false, category, message, latencyMs: elapsedMs(startedAt), model: null };
  }
}

function withoutHints(result: TestApiKeyResponse): TestApiKeyResponse {
  if (!UNREACHED.has(result.category)) return result;
  const latencyMs = (Math.floor(result.latencyMs / COARSE_MS) + 1) * COARSE_MS;
  // Whether anything was sent is one of the hints.
  const message = `${ERROR_CATALOGUE.connect_failed.title}. Check base URL and network; a private host must be allowed first.`;
  return { ok: false, category: 'connect_failed', message, latencyMs, model: null };
}

function elapsedMs(startedAt: number): number {
  return Math.round(performance.now() - startedAt);
}

function isVerdict(code: ErrorCode): code is 'provider_key_unreadable' | 'blocked_destination' {
  return code === 'provider_key_unreadable' || code === 'blocked_destination';
}
