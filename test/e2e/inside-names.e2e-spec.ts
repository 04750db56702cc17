import { ProviderTransport } from '../../src/ai-providers';
import { OutboundPolicy, type ResolveAddresses } from '../../src/outbound';
import { expectProblem } from '../support/problem-of';
import { TestApp } from '../support/test-app';

/** Names that the resolver of this network knows, and to where each leads. */
const INSIDE: Readonly<Record<string, string>> = {
  'database.example.com': '10.0.0.7',
  'metadata.example.com': '169.254.169.254',
  'self.example.com': '127.0.0.1',
};
const ABSENT = 'absent.example.com';

const resolveAddresses: ResolveAddresses = (hostname, callback) => {
  const address = INSIDE[hostname];
  if (address !== undefined) callback(null, [{ address, family: 4 }]);
  else callback(Object.assign(new Error('unknown'), { code: 'ENOTFOUND' }), []);
};

describe('a key whose base URL names a host of the internal network', () => {
  let app: TestApp;

  beforeAll(async () => {
    const policy = new OutboundPolicy({ customBaseUrl: 'https-public', allowedHosts: [] });
    const transport = new ProviderTransport({ policy, resolveAddresses });
    app = await TestApp.start({ replaced: [ProviderTransport, transport] });
  });

  afterAll(async () => {
    await app.close();
  });

  /** All that its owner learns from one execution, without what differs between any two. */
  async function learned(hostname: string, stream: boolean): Promise<unknown> {
    const baseUrl = `https://${hostname}/v1`;
    const { body: key } = await app
      .request('post', app.path('api-keys'))
      .send({ provider: 'openai', apiKey: 'sk-inside-0000000000', baseUrl })
      .expect(201);
    const { id } = key as { id: string };
    const answer = await app.request('post', app.path('executions')).send({
      ...{ agentId: 'agent', provider: 'openai', model: 'gpt-4o-mini', apiKeyId: id, stream },
      messages: [{ role: 'user', content: 'hello' }],
    });
    const executionId = /"executionId":"([^"]+)"/.exec(answer.text)![1]!;
    const { body } = await app.request('get', app.path(`executions/${executionId}`)).expect(200);
    const saved = await app.request('get', app.path('api-keys')).expect(200);
    const { data } = saved.body as { data: { id: string; status: string }[] };
    const status = data.find((one) => one.id === id)!.status;
    if (!stream) expectProblem(answer, 'connect_failed');
    return JSON.parse(
      JSON.stringify([answer.status, answer.text, body, status])
        .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'id')
        .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'time')
        .replaceAll(/(\\*"(?:latencyMs|waitMs)\\*":)\d+/g, '$1 0'),
    );
  }

  it.each([false, true])(
    'learns nothing of where the name leads, as if nobody knew it (stream: %s)',
    async (stream) => {
      const [absent, ...inside] = await Promise.all(
        [ABSENT, ...Object.keys(INSIDE)].map((hostname) => learned(hostname, stream)),
      );
      expect(JSON.stringify(absent)).toContain('connect_failed');
      for (const told of inside) expect(told).toEqual(absent);
    },
  );
});
