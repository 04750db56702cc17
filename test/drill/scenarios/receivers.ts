import { until } from '../../process/server-process';
import { verify, WebhookReceiver } from '../../support/webhook-receiver';
import { auditedClean, type Finding, onSite } from '../support/scenario';

interface SavedWebhook {
  readonly id: string;
  readonly secret: string;
}

/**
 * A receiver is away when the executions end, and the server that tried to tell it is killed. When it is back it
 * hears of each execution, signed, and of none under two ids.
 */
export async function loseReceiver(count: number): Promise<Finding> {
  const receiver = await WebhookReceiver.start();
  const variables = { KEYRUN_ALLOWED_HOSTS: receiver.host };
  try {
    return await onSite(async (site, first) => {
      const node = await site.startBeside(variables);
      const webhook = await site.own<SavedWebhook>(node, 'POST', 'webhooks', { url: receiver.url });
      await receiver.close();
      const told = await Promise.all(
        Array.from({ length: count }, (_, index) => site.run(node, `told-${index}`)),
      );
      await until('a try', async () => {
        const tried = await site.sql('SELECT FROM webhook_deliveries WHERE failures > 0');
        return tried.length > 0 ? true : null;
      });
      node.process.kill('SIGKILL');
      await node.process.exited;
      await receiver.resume();
      await until('every event', () => (heardIn(receiver).size === count ? true : null), 120_000);
      const executions = [...heardIn(receiver)].sort();
      expect(executions).toEqual(told.map(({ executionId }) => executionId).sort());
      for (const event of receiver.accepted) verify(webhook.secret, event);
      const ids = new Set(receiver.accepted.map(({ id }) => id));
      expect(ids.size).toBe(count);
      await auditedClean(site);
      expect((await first.process.stop()).code).toBe(0);
      const repeated = receiver.accepted.length - count;
      return `${count} events, signed, one id each; ${repeated} told again`;
    }, variables);
  } finally {
    await receiver.close();
  }
}

function heardIn(receiver: WebhookReceiver): Set<unknown> {
  return new Set(receiver.accepted.map(({ body }) => body.data.id));
}
