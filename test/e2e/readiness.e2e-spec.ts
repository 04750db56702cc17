import { ServerLease } from '../../src/executions/lifecycle/server-lease';
import { expectProblem } from '../support/problem-of';
import { TestApp } from '../support/test-app';

describe('readiness', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await TestApp.start();
  });

  afterAll(async () => {
    await app.close();
  });

  it('tells of every part, and names the one that is down', async () => {
    const up = await app.request('get', '/health/ready', null).expect(200);
    expect(up.body.details).toMatchObject({
      database: { status: 'up' },
      vault: { status: 'up' },
      executions: { status: 'up' },
      receipts: { status: 'up' },
    });
    await app.app.get(ServerLease, { strict: false }).onApplicationShutdown();
    const down = await app.request('get', '/health/ready', null);
    expect(expectProblem(down, 'not_ready').detail).toMatch(/^Down: executions \(.+\)\.$/);
    expect(down.body.details).toMatchObject({
      database: { status: 'up' },
      executions: { status: 'down' },
      receipts: { status: 'up' },
    });
  });
});
