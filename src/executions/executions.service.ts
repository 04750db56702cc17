import { Injectable } from '@nestjs/common';
import type { AIProvider, ExecuteParams } from '../ai-providers';
import type { ResolvedCredential } from '../api-keys';
import { ExecutionContent } from '../content';
import { ExecutionRunner } from './execution-runner';
import { type EndedExecution, ExecutionTracker, IdempotencyKeyTaken } from './execution-tracker';
import { Replays } from './idempotency/replays';
import type { ExecutionRecord } from './ledger/execution-record';
import type { ExecutionMode } from './ledger/execution-status';
import type { IdempotencyClaim } from './ledger/ledger-rows';
import { sealerOf, sealRequest } from './ledger/stored-content';
import { storedAs } from './lifecycle/provider-look-up';
import { ServerGate } from './lifecycle/server-gate';

/** One execution to run: what, by whom, and the provider that the controller made with the resolved key. */
export interface RunExecution {
  /** Made before the key was opened, which is recorded with it. */
  readonly id: string;
  readonly workspaceId: string;
  readonly agentId: string;
  readonly params: ExecuteParams;
  readonly provider: AIProvider;
  readonly credential: ResolvedCredential;
  /** Total deadline in milliseconds. */
  readonly timeoutMs: number;
  readonly metadata: Readonly<Record<string, unknown>> | null;
  readonly mode: Exclude<ExecutionMode, 'async'>;
  readonly idempotency: IdempotencyClaim | null;
}

/** What became of a request to run: an execution under way, or the one that an earlier request started. */
export type BegunExecution =
  | {
      readonly kind: 'started';
      readonly onDisconnect: 'finish' | 'cancel';
      /** Rejects with an {@link AppError} when it does not complete. */
      readonly ended: Promise<EndedExecution>;
    }
  | { readonly kind: 'replay'; readonly record: ExecutionRecord };

/** Starts executions that a client waits for. */
@Injectable()
export class ExecutionsService {
  constructor(
    private readonly gate: ServerGate,
    private readonly content: ExecutionContent,
    private readonly tracker: ExecutionTracker,
    private readonly runner: ExecutionRunner,
    private readonly replays: Replays,
  ) {}

  /**
   * Writes the execution ahead and sets it going. From then on it does not depend on the client.
   * @throws {AppError} `ledger_unavailable` or `not_ready` when nothing could be recorded and nothing was sent;
   * `content_unreadable`, `idempotency_in_flight` and `idempotency_key_reused`.
   */
  async begin(input: RunExecution): Promise<BegunExecution> {
    this.gate.assertOpen();
    const deadlineAt = performance.now() + input.timeoutMs;
    const { id, workspaceId, provider, params, credential, idempotency } = input;
    const sealer = await sealerOf(this.content, workspaceId);
    const started = await this.startOrReplay(workspaceId, idempotency, () =>
      this.tracker.startExecution(
        {
          ...{ id, workspaceId, idempotency },
          agentId: input.agentId,
          provider: provider.type,
          model: params.model,
          apiKeyId: credential.keyId,
          metadata: input.metadata,
          timeoutMs: input.timeoutMs,
          mode: input.mode,
          request: sealRequest(sealer, id, params),
        },
        sealer,
      ),
    );
    if ('status' in started) return { kind: 'replay', record: started };
    const { storeAtProvider, onDisconnect } = started.settings;
    const storeAs = storeAtProvider ? storedAs(id) : undefined;
    const ended = this.runner.run(started, {
      ...{ provider, credential, deadlineAt },
      params: { ...params, storeAs },
      isStreamed: input.mode === 'stream',
    });
    // A client that hung up leaves a failure that nobody awaits.
    ended.catch(() => undefined);
    return { kind: 'started', onDisconnect, ended };
  }

  private async startOrReplay<Started>(
    workspaceId: string,
    idempotency: IdempotencyClaim | null,
    start: () => Promise<Started>,
  ): Promise<Started | ExecutionRecord> {
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof IdempotencyKeyTaken) || idempotency === null) throw error;
      return this.replays.find(workspaceId, idempotency, error);
    }
  }
}
