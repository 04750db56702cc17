import { verificationList } from '../live/verification-list';
import { FaultyUpstream } from '../support/faulty-upstream';

/** The list that `npm run test:live` runs on the vendors, on an upstream of ours: it is known to work. */
describe.each([
  ['openai', 'gpt-4o-mini', (upstream: FaultyUpstream) => upstream.openAiBaseUrl],
  ['anthropic', 'claude-haiku-4-5', (upstream: FaultyUpstream) => upstream.url],
] as const)('the verification list on %s', (provider, model, baseUrlOf) => {
  const apiKey = `sk-test-${provider}-A1b2C3d4E5f6G7h8`;
  let upstream: FaultyUpstream;

  beforeAll(async () => {
    upstream = await FaultyUpstream.start({ acceptedKeys: new Set([apiKey]) });
  });

  afterAll(async () => {
    await upstream.close();
  });

  verificationList({
    subject: () => ({ provider, model, apiKey, baseUrl: baseUrlOf(upstream) }),
    variables: () => ({ KEYRUN_ALLOWED_HOSTS: upstream.host }),
  });

  it('has paid for one call, and sent nothing after the key was deleted', () => {
    expect(upstream.paidCalls).toHaveLength(1);
    expect(upstream.requests.map(({ method }) => method)).toEqual(['GET', 'GET', 'POST', 'GET']);
  });
});
