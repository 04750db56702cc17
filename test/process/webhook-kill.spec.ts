import { WebhookBench } from '../support/webhook-bench';
import { verify } from '../support/webhook-receiver';
import { cleanUp, newDataDirectory, ServerProcess, START_LIMIT_MS, until } from './server-process';

const MINUTE = 60_000;

jest.setTimeout(2 * START_LIMIT_MS);

describe('a server that is killed while it delivers', () => {
  afterEach(async () => {
    await cleanUp();
  });

  it('loses no event: another node repeats it under the same webhook-id', async () => {
    const bench = await WebhookBench.start();
    const { secret, id } = await bench.save();
    // From here on the process alone serves and delivers.
    await bench.app.app.close();
    const server = new ServerProcess({
      dataDirectory: await newDataDirectory(),
      variables: {
        DATABASE_URL: bench.app.database.url.expose(),
        KEYRUN_ROOT_KEY: bench.app.rootKey,
        KEYRUN_ALLOWED_HOSTS: bench.receiver.host,
        LOG_LEVEL: 'silent',
      },
    });
    // The banner has no example to wait for: the owner's token was made by another node.
    const url = await until('the address', () => {
      return /Keyrun is ready at (\S+)\n/.exec(server.stdout)?.[1] ?? null;
    });
    bench.receiver.answer(() => undefined);
    const answer = await fetch(`${url}${bench.app.path('executions')}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${bench.app.ownerToken}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({
        agentId: 'hooks',
        provider: 'echo',
        model: 'echo',
        messages: [{ role: 'user', content: 'Hello' }],
      }),
    });
    expect(answer.status).toBe(201);
    await bench.receiver.untilRequests(1);
    server.kill('SIGKILL');
    await server.exited;

    const next = await bench.startNode();
    await bench.deliverDue(next);
    expect(bench.receiver.events).toHaveLength(1);
    bench.clock.advance(2 * MINUTE);
    await bench.deliverDue(next);
    const { events, accepted } = bench.receiver;
    expect(events.map((event) => event.id)).toEqual([accepted[0]!.id, accepted[0]!.id]);
    expect(verify(secret, accepted[0]!)).toMatchObject({ type: 'execution.completed' });
    const log = await next.request('get', next.path(`webhooks/${id}/deliveries`)).expect(200);
    expect(log.body.data).toMatchObject([{ status: 'delivered', attempts: [{ number: 1 }] }]);
    await next.close();
    await bench.close();
  });
});
