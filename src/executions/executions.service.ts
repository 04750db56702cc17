import { Injectable } from '@nestjs/common';
import type { AIProvider, ExecuteParams } from '../ai-providers';
import type { ResolvedCredential } from '../api-keys';
import { A_MOMENT, RecentValues } from '../common';
import { type ContentSealer, ExecutionContent } from '../content';
import type { AssumedAccess } from '../workspaces';
import { ExecutionRunner } from './execution-runner';
import { type EndedExecution, ExecutionTracker, type RunningExecution } from './execution-tracker';
import { Replays } from './idempotency/replays';
import { IdempotencyKeyTaken } from './ledger/refused-start';
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
  /** Who asks, as far as the start has to confirm it. */
  readonly assumedAccess: AssumedAccess | null;
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
  /** Whether workspaces have their answers stored at the provider, by the id of the workspace. */
  private readonly storing = new RecentValues<boolean>(A_MOMENT);

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
   * @throws {OutdatedAssumption}
   */
  async begin(input: RunExecution): Promise<BegunExecution> {
    this.gate.assertOpen();
    return this.runner.whileStarting(() => this.beginNow(input));
  }

  private async beginNow(input: RunExecution): Promise<BegunExecution> {
    const deadlineAt = performance.now() + input.timeoutMs;
    const { id, workspaceId, provider, credential, idempotency } = input;
    const sealer = await sealerOf(this.content, workspaceId);
    const recalled = input.assumedAccess === null ? null : this.storing.get(workspaceId);
    const started = this.start(input, sealer, recalled ?? null);
    let ended: Promise<EndedExecution> | null = null;
    try {
      const storeAtProvider = recalled ?? (await started).settings.storeAtProvider;
      const params = { ...input.params, storeAs: storeAtProvider ? storedAs(id) : undefined };
      ended = this.runner.run(
        { id, workspaceId, attempts: 1, billedAttempts: 0, started },
        { provider, credential, deadlineAt, params, isStreamed: input.mode === 'stream' },
      );
      // A client that hung up leaves a failure that nobody awaits.
      ended.catch(() => undefined);
      const { settings } = await started;
      this.storing.set(workspaceId, settings.storeAtProvider);
      return { kind: 'started', onDisconnect: settings.onDisconnect, ended };
    } catch (error) {
      // The same may be begun once more, which finds nothing of this one.
      await ended?.catch(() => undefined);
      if (!(error instanceof IdempotencyKeyTaken) || idempotency === null) throw error;
      return { kind: 'replay', record: await this.replays.find(workspaceId, idempotency, error) };
    }
  }

  private start(
    input: RunExecution,
    sealer: ContentSealer,
    storeAtProvider: boolean | null,
  ): Promise<RunningExecution> {
    const { id, workspaceId, agentId, idempotency, params, credential, metadata } = input;
    const { timeoutMs, mode, assumedAccess } = input;
    return this.tracker.startExecution(
      {
        ...{ id, workspaceId, agentId, idempotency, metadata, timeoutMs, mode },
        provider: input.provider.type,
        model: params.model,
        apiKeyId: credential.keyId,
        request: sealRequest(sealer, id, params),
      },
      sealer,
      { access: assumedAccess, apiKey: credential.assumption, storeAtProvider },
    );
  }
}
