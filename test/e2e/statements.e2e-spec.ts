import { Client } from 'pg';
import { TestBench } from '../support/test-bench';

const CANARY = 'sk-test-CANARY-of-every-statement-4711';

describe('what is sent to PostgreSQL, whose log the operator may switch on', () => {
  let bench: TestBench;

  beforeAll(async () => {
    bench = await TestBench.start();
  });

  afterAll(async () => {
    await bench.close();
  });

  it('has no key and no access token, neither in a statement nor in a parameter', async () => {
    const sent: string[] = [];
    const real = Reflect.get(Client.prototype, 'query') as (...values: unknown[]) => unknown;
    const watched = jest.spyOn(Client.prototype, 'query');
    watched.mockImplementation(function (this: Client, ...values: unknown[]) {
      sent.push(JSON.stringify(values.filter((value) => typeof value !== 'function')));
      return Reflect.apply(real, this, values);
    });
    try {
      const id = await bench.saveKey('openai', { apiKey: CANARY });
      const path = bench.app.path('api-keys');
      await bench.app.request('put', `${path}/${id}/secret`).send({ apiKey: CANARY }).expect(200);
      await bench.app.request('post', `${path}/test`).send({ keyId: id }).expect(200);
      await bench.run({ provider: 'openai', model: 'gpt-4o-mini' }).expect(201);
      const token = await bench.app.tokenOf('viewer');
      await bench.app.request('get', path, token).expect(200);
      const everything = sent.join('\n');
      expect(everything).toContain('s1:');
      for (const secret of [CANARY, CANARY.slice(8, 30), token, bench.app.ownerToken]) {
        expect(everything).not.toContain(secret);
        expect(everything).not.toContain(Buffer.from(secret).toString('hex'));
        expect(everything).not.toContain(Buffer.from(secret).toString('base64').slice(0, -3));
      }
    } finally {
      watched.mockRestore();
    }
  });
});
