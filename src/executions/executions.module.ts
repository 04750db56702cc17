import { Module } from '@nestjs/common';
import { AiProvidersModule } from '../ai-providers';
import { ApiKeysModule } from '../api-keys';
import { ContentModule } from '../content';
import { QueueModule } from '../queue';
import { ReceiptJournalModule } from '../receipt-journal';
import { WorkspacesModule } from '../workspaces';
import { AsyncExecutions } from './async/async-executions';
import { ExecutionWorker } from './async/execution-worker';
import { PaidProviders } from './async/paid-providers';
import { QueueCommit } from './async/queue-commit';
import { QueueLimit } from './async/queue-limit';
import { QueuedExecutions } from './async/queued-executions';
import { QueuedRequests } from './async/queued-requests';
import { ExecutionAnswers } from './execution-answers';
import { ExecutionIntake } from './execution-intake';
import { ExecutionProgressController } from './execution-progress.controller';
import { ExecutionRunner } from './execution-runner';
import { ExecutionTracker } from './execution-tracker';
import { ExecutionsController } from './executions.controller';
import { ExecutionsService } from './executions.service';
import { Replays } from './idempotency/replays';
import { ExecutionLedger } from './ledger/execution-ledger';
import { ExecutionQueries } from './ledger/execution-queries';
import { RecentReceipts } from './ledger/recent-receipts';
import { Settlements } from './ledger/settlements';
import { ExecutionStarts } from './ledger/execution-starts';
import { Cancellation } from './lifecycle/cancellation';
import { DatabaseWatch } from './lifecycle/database-watch';
import { DeadServers } from './lifecycle/dead-servers';
import { DeletedWorkspaces } from './lifecycle/deleted-workspaces';
import { Drain } from './lifecycle/drain';
import { ExecutionsInHand } from './lifecycle/executions-in-hand';
import { ForgottenExecutions } from './lifecycle/forgotten-executions';
import { JournalAdoption } from './lifecycle/journal-adoption';
import { Maintenance } from './lifecycle/maintenance';
import { OverdueExecutions } from './lifecycle/overdue-executions';
import { ProviderLookUp } from './lifecycle/provider-look-up';
import { RunningExecutions } from './lifecycle/running-executions';
import { ServerGate } from './lifecycle/server-gate';
import { ServerIdentity } from './lifecycle/server-identity';
import { ServerLease } from './lifecycle/server-lease';
import { Sweeper } from './lifecycle/sweeper';
import { AccessCheckInterval } from './streams/access-check-interval';
import { ExecutionFeed } from './streams/execution-feed';
import { ExecutionStreams } from './streams/execution-streams';
import { HeldAnswers, HeldAnswersLimit } from './streams/held-answers';
import { OpenReaders } from './streams/open-readers';
import { StreamFollower } from './streams/stream-follower';
import { WholeAnswers } from './streams/whole-answers';

const LEDGER = [ExecutionLedger, ExecutionTracker, ExecutionQueries, ExecutionStarts];
const RECEIPTS = [Settlements, RecentReceipts, DatabaseWatch];
const RUNNING = [RunningExecutions, ExecutionRunner, DeletedWorkspaces];
const STREAMS = [ExecutionStreams, StreamFollower, ExecutionFeed];
const READERS = [OpenReaders, AccessCheckInterval, HeldAnswers, HeldAnswersLimit, WholeAnswers];
const ASKING = [ExecutionIntake, ExecutionsService, ExecutionAnswers, Replays, Cancellation];
const QUEUED = [AsyncExecutions, QueueCommit, QueueLimit, QueuedExecutions, QueuedRequests];
const WORKING = [ExecutionWorker, PaidProviders];
const SERVER = [ServerIdentity, ServerLease, ServerGate, Drain];
const RESCUE = [JournalAdoption, DeadServers, ForgottenExecutions, OverdueExecutions];
const SWEEP = [ExecutionsInHand, ProviderLookUp, Sweeper];

/** Runs executions on the keys of a workspace, and follows each to its end. */
@Module({
  imports: [
    AiProvidersModule,
    ApiKeysModule,
    ContentModule,
    QueueModule,
    ReceiptJournalModule,
    WorkspacesModule,
  ],
  controllers: [ExecutionsController, ExecutionProgressController],
  providers: [
    ...LEDGER,
    ...RECEIPTS,
    ...RUNNING,
    ...STREAMS,
    ...READERS,
    ...ASKING,
    ...QUEUED,
    ...WORKING,
    ...SERVER,
    ...RESCUE,
    ...SWEEP,
    Maintenance,
  ],
  exports: [ServerGate],
})
export class ExecutionsModule {}
