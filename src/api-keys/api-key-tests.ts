import { Injectable } from '@nestjs/common';
import { type AIProvider, ProviderError } from '../ai-providers';
import { AppError, ERROR_CATALOGUE } from '../common';
import { ApiKeyCredentials, type ResolvedCredential } from './api-key-credentials';
import type { TestApiKeyResponse } from './dto/api-key.response';

/** A test is one small request; a vendor that takes longer is not usable anyway. */
const TEST_TIMEOUT_MS = 15_000;

/** Asks the provider whether it accepts a key, by a real call that costs nothing. */
@Injectable()
export class ApiKeyTests {
  constructor(private readonly credentials: ApiKeyCredentials) {}

  /** Tests with the given provider object; a refusal is a result, not an error. */
  async run(provider: AIProvider): Promise<TestApiKeyResponse> {
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

  /** Tests a saved key and keeps the result with it. */
  async runSaved(
    credential: ResolvedCredential,
    provider: AIProvider,
  ): Promise<TestApiKeyResponse> {
    const result = await this.run(provider);
    await this.credentials.noteTest(credential, result.category);
    return result;
  }

  /** The answer for a saved key that does not open: also a result, found without any call. */
  unreadable(error: unknown): TestApiKeyResponse {
    if (!(error instanceof AppError) || error.code !== 'provider_key_unreadable') throw error;
    return {
      ok: false,
      category: 'provider_key_unreadable',
      message: error.message,
      latencyMs: 0,
      model: null,
    };
  }
}

function elapsedMs(startedAt: number): number {
  return Math.round(performance.now() - startedAt);
}
