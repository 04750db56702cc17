import type { Response } from 'supertest';
import { RateLimits } from '../../src/workspaces/limits/rate-limits';
import { TestApp } from '../support/test-app';

const WRONG = `kr_pat_${'0'.repeat(36)}`;
const KEY_TEST = {
  provider: 'openai',
  apiKey: 'sk-test-0000000000000000',
  baseUrl: 'https://10.0.0.1',
};

/** The defaults, and a proxy in front of the first node only. */
const VARIABLES = {
  KEYRUN_MANAGEMENT_REQUESTS_PER_MINUTE: '20',
  KEYRUN_KEY_TESTS_PER_MINUTE: '10',
  KEYRUN_FAILED_AUTHENTICATIONS_PER_MINUTE: '10',
};

describe('limits that the nodes share', () => {
  let app: TestApp;
  let node: TestApp;

  beforeEach(async () => {
    app = await TestApp.start({ variables: { ...VARIABLES, KEYRUN_TRUSTED_PROXIES: '1' } });
    node = await TestApp.start({ nodeOf: app, variables: VARIABLES });
  });

  afterEach(async () => {
    await node.close();
    await app.close();
  });

  /** Lets time pass for everything that is counted. */
  const pass = async (seconds: number) => {
    await app.database.dataSource.query(
      `UPDATE rate_limits SET window_started_at = window_started_at - make_interval(secs => $1),
         blocked_until = blocked_until - make_interval(secs => $1),
         ends_at = ends_at - make_interval(secs => $1)`,
      [seconds],
    );
  };
  const statuses = async (count: number, send: (at: TestApp) => PromiseLike<Response>) => {
    const found: number[] = [];
    for (let number = 0; number < count; number += 1) {
      found.push((await send(number % 2 === 0 ? app : node)).status);
    }
    return found;
  };
  const expectRefused = (answer: Response, leastSeconds: number, mostSeconds: number) => {
    expect([answer.status, answer.body.code]).toEqual([429, 'too_many_requests']);
    const seconds = Number(answer.headers['retry-after']);
    expect(seconds).toBeGreaterThanOrEqual(leastSeconds);
    expect(seconds).toBeLessThanOrEqual(mostSeconds);
  };

  describe('on key tests', () => {
    const test = (at: TestApp, workspaceId = app.workspaceId, token = app.ownerToken) =>
      at.request('post', at.path('api-keys/test', workspaceId), token).send(KEY_TEST);

    it('allow ten a minute in a workspace, whatever node and token', async () => {
      const other = await app.tokenOf('admin');
      const made = await statuses(10, (at) => test(at, app.workspaceId, other));
      expect(made).not.toContain(429);
      expectRefused(await test(app, app.workspaceId), 30, 66);
      expectRefused(await test(node, app.workspaceId), 30, 66);
      const elsewhere = (await app.request('post', '/api/workspaces').send({ name: 'Other' })).body;
      expect((await test(node, elsewhere.id as string)).status).not.toBe(429);
    });

    it('slide: there is no moment in which twice as many pass', async () => {
      expect(await statuses(10, (at) => test(at))).not.toContain(429);
      await pass(60);
      expectRefused(await test(app), 1, 10);
      await pass(31);
      // Half of the ten still count; time goes on while we count.
      const passed = (await statuses(10, (at) => test(at))).filter((status) => status !== 429);
      expect(passed.length).toBeGreaterThanOrEqual(5);
      expect(passed.length).toBeLessThanOrEqual(7);
    });

    it('allow sixty an hour, and a refused one takes nothing', async () => {
      for (let minute = 0; minute < 6; minute += 1) {
        expect(await statuses(10, (at) => test(at))).not.toContain(429);
        await pass(121);
      }
      expectRefused(await test(app), 2_800, 3_700);
      const [row] = await app.database.dataSource.query<{ taken: number }[]>(
        `SELECT taken FROM rate_limits WHERE bucket LIKE 'key-tests:%:hour'`,
      );
      expect(row!.taken).toBe(60);
    });

    it('hold when all come at once', async () => {
      const answers = await Promise.all(
        Array.from({ length: 18 }, (_, number) => test(number % 2 === 0 ? app : node)),
      );
      expect(answers.filter(({ status }) => status !== 429)).toHaveLength(10);
    });
  });

  describe('on management', () => {
    const list = (at: TestApp, token?: string) => at.request('get', '/api/workspaces', token);

    it('count the requests of a token on both nodes', async () => {
      expect(await statuses(20, (at) => list(at))).not.toContain(429);
      expectRefused(await list(app), 30, 64);
      expectRefused(await node.request('get', app.path('tokens')), 30, 64);
      await pass(120);
      await list(node).expect(200);
    });

    it('do not count executions, nor keep them waiting', async () => {
      await statuses(21, (at) => list(at));
      const run = (at: TestApp) =>
        at.request('post', at.path('executions')).send({
          agentId: 'a',
          provider: 'echo',
          model: 'echo',
          messages: [{ role: 'user', content: 'Hello' }],
        });
      const runs = await Promise.all(Array.from({ length: 100 }, () => run(app)));
      expect(new Set(runs.map(({ status }) => status))).toEqual(new Set([201]));
      await app.request('get', app.path('executions')).expect(200);
    });
  });

  describe('on refused tokens', () => {
    const guess = (at: TestApp, address?: string) => {
      const request = at.request('get', '/api/workspaces', WRONG);
      return address === undefined ? request : request.set('X-Forwarded-For', address);
    };

    it('block an address after ten a minute, on every node', async () => {
      expect(await statuses(10, (at) => guess(at))).toEqual(Array(10).fill(401));
      expectRefused(await guess(node), 40, 60);
      expectRefused(await guess(app), 30, 60);
    });

    it('block twice as long each time, 15 minutes at the most, and forget after an hour', async () => {
      const lengths: number[] = [];
      for (let block = 0; block < 6; block += 1) {
        // A node knows for how long an address is blocked; a new one has to look it up.
        const fresh = await TestApp.start({ nodeOf: app, variables: VARIABLES });
        await statuses(10, () => guess(fresh));
        const answer = await guess(fresh);
        lengths.push(Math.round(Number(answer.headers['retry-after']) / 60));
        await pass(1_000);
        await fresh.close();
      }
      expect(lengths).toEqual([1, 2, 4, 8, 15, 15]);
      await pass(4_000);
      expect(await statuses(10, () => guess(node))).toEqual(Array(10).fill(401));
      expectRefused(await guess(node), 40, 60);
    });

    it('never stop those who have a token, nor count those who send none', async () => {
      await statuses(11, (at) => guess(at));
      expectRefused(await guess(app), 30, 60);
      await app.request('get', '/api/workspaces').expect(200);
      await node.request('get', '/api/workspaces').expect(200);
      await app.request('get', '/api/workspaces', null).expect(401);
    });

    it('believe X-Forwarded-For of a trusted proxy only', async () => {
      for (let number = 0; number < 12; number += 1) {
        // One hop is trusted: the client's own claims stand left of what the proxy wrote.
        await guess(app, `203.0.113.${number}, 192.0.2.9`);
      }
      expectRefused(await guess(app, '198.51.100.1, 192.0.2.9'), 30, 60);
      expect((await guess(app, '192.0.2.10')).status).toBe(401);
      for (let number = 0; number < 11; number += 1) await guess(node, `192.0.2.${number}`);
      expectRefused(await guess(node, '192.0.2.99'), 30, 60);
    });

    it('take a /64 of IPv6 for one', async () => {
      for (let number = 0; number < 11; number += 1) await guess(app, `2001:db8:1:2::${number}`);
      expectRefused(await guess(app, '2001:db8:1:2:ffff::1'), 30, 60);
      expect((await guess(app, '2001:db8:1:3::1')).status).toBe(401);
    });
  });

  it('are forgotten when they have ended', async () => {
    await app.request('get', '/api/workspaces').expect(200);
    await app.request('get', '/api/workspaces', WRONG).expect(401);
    const count = async () => {
      await app.app.get(RateLimits, { strict: false }).forgetEnded();
      const rows = await app.database.dataSource.query<unknown[]>(`SELECT FROM rate_limits`);
      return rows.length;
    };
    expect(await count()).toBe(2);
    await pass(121);
    expect(await count()).toBe(1);
    await pass(3_600);
    expect(await count()).toBe(0);
  });
});
