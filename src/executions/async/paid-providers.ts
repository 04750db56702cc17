import { Injectable } from '@nestjs/common';
import { type AIProvider, ProviderFactory } from '../../ai-providers';
import { ApiKeyCredentials, type ResolvedCredential } from '../../api-keys';
import type { ExecutionRecord } from '../ledger/execution-record';

type ExecutionOfKey = Pick<ExecutionRecord, 'id' | 'workspaceId' | 'provider' | 'apiKeyId'>;

/** A provider that holds the key that pays. */
export interface PaidProvider {
  readonly provider: AIProvider;
  readonly credential: ResolvedCredential;
}

/** Opens the key of a queued execution, at the moment when it runs. */
@Injectable()
export class PaidProviders {
  constructor(
    private readonly credentials: ApiKeyCredentials,
    private readonly providerFactory: ProviderFactory,
  ) {}

  /** @throws {AppError} as {@link ApiKeyCredentials.resolve}. */
  async open(execution: ExecutionOfKey): Promise<PaidProvider> {
    const { id, workspaceId, provider, apiKeyId } = execution;
    const credential = await this.credentials.resolve({
      ...{ workspaceId, provider, purpose: id },
      keyId: apiKeyId ?? undefined,
    });
    return {
      credential,
      provider: this.providerFactory.createProvider(provider, credential.secret, credential),
    };
  }
}
