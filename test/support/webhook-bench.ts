import { DeliveryClock, DeliveryWorker } from '../../src/webhooks';
import { TestApp } from './test-app';
import { WebhookReceiver } from './webhook-receiver';

/** A clock of the schedule that a test moves on. */
export class MovableClock {
  private ms = 0;

  aheadMs(): number {
    return this.ms;
  }

  advance(ms: number): void {
    this.ms += ms;
  }
}

export interface SavedWebhook {
  readonly id: string;
  readonly secret: string;
}

/** One delivery as the log shows it. */
export interface LoggedDelivery {
  readonly id: string;
  readonly event: string;
  readonly executionId: string;
  readonly status: string;
  readonly nextAttemptAt: string | null;
  readonly attempts: readonly {
    readonly number: number;
    readonly responseStatus: number | null;
    readonly errorCategory: string | null;
  }[];
}

/** The application in front of a receiver, with a clock that can be moved on. */
export class WebhookBench {
  private constructor(
    readonly app: TestApp,
    readonly receiver: WebhookReceiver,
    readonly clock: MovableClock,
  ) {}

  static async start(): Promise<WebhookBench> {
    const receiver = await WebhookReceiver.start();
    const clock = new MovableClock();
    const app = await TestApp.start({
      variables: { KEYRUN_ALLOWED_HOSTS: receiver.host },
      replaced: [DeliveryClock, clock],
    });
    return new WebhookBench(app, receiver, clock);
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.receiver.close();
  }

  /** A second node with the same clock. */
  async startNode(): Promise<TestApp> {
    const variables = { KEYRUN_ALLOWED_HOSTS: this.receiver.host };
    const replaced = [DeliveryClock, this.clock] as const;
    return TestApp.start({ variables, replaced, nodeOf: this.app });
  }

  async createWorkspace(): Promise<string> {
    const { body } = await this.app.request('post', '/api/workspaces').send({ name: 'Hooks' });
    return body.id as string;
  }

  async save(fields: object = {}, workspaceId?: string): Promise<SavedWebhook> {
    const { body } = await this.app
      .request('post', this.app.path('webhooks', workspaceId))
      .send({ url: this.receiver.url, ...fields })
      .expect(201);
    return body as SavedWebhook;
  }

  /** Runs an execution of the echo provider to its end. */
  async run(model = 'echo', workspaceId?: string): Promise<string> {
    const { body } = await this.app.request('post', this.app.path('executions', workspaceId)).send({
      agentId: 'hooks',
      provider: 'echo',
      model,
      messages: [{ role: 'user', content: 'the prompt of a test' }],
    });
    return (body.id ?? body.executionId) as string;
  }

  /** Delivers what is due on this node, and waits until it is done. */
  async deliverDue(node = this.app): Promise<void> {
    await node.app.get(DeliveryWorker, { strict: false }).deliverDue();
  }

  async deliveries(webhookId: string, workspaceId?: string): Promise<LoggedDelivery[]> {
    const path = this.app.path(`webhooks/${webhookId}/deliveries?limit=100`, workspaceId);
    const { body } = await this.app.request('get', path).expect(200);
    return body.data as LoggedDelivery[];
  }
}
