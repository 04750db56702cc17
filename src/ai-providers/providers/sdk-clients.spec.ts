import type { ProviderTransport } from '../transport';
import { PLACEHOLDER_KEY, SdkClients, sealedFetch } from './sdk-clients';

interface Sent {
  readonly input: unknown;
  readonly headers: Record<string, string>;
}

function recordingTransport(): { transport: ProviderTransport; sent: Sent[] } {
  const sent: Sent[] = [];
  const fetch = (input: unknown, init?: RequestInit) => {
    sent.push({ input, headers: Object.fromEntries(new Headers(init?.headers)) });
    return Promise.resolve(new Response());
  };
  return { transport: { fetch } as unknown as ProviderTransport, sent };
}

describe('SdkClients', () => {
  it('makes one client per key and transport', () => {
    const clients = new SdkClients();
    const [first, second] = [recordingTransport().transport, recordingTransport().transport];
    const create = jest.fn(() => ({}));
    const client = clients.get(first, 'openai https://a.example', create);
    expect(clients.get(first, 'openai https://a.example', create)).toBe(client);
    expect(clients.get(first, 'openai https://b.example', create)).not.toBe(client);
    expect(clients.get(second, 'openai https://a.example', create)).not.toBe(client);
    expect(create).toHaveBeenCalledTimes(3);
  });

  it('drops the least recently used above a hundred', () => {
    const clients = new SdkClients();
    const { transport } = recordingTransport();
    const create = jest.fn(() => ({}));
    for (let index = 0; index < 100; index += 1) clients.get(transport, `${index}`, create);
    clients.get(transport, '0', create);
    clients.get(transport, 'one more', create);
    expect(create).toHaveBeenCalledTimes(101);
    clients.get(transport, '0', create);
    expect(create).toHaveBeenCalledTimes(101);
    clients.get(transport, '1', create);
    expect(create).toHaveBeenCalledTimes(102);
  });
});

describe('sealedFetch', () => {
  it('lets only the known headers pass', async () => {
    const { transport, sent } = recordingTransport();
    const headers = {
      Authorization: 'Bearer sk-test-1',
      'OpenAI-Organization': 'org',
      'X-Stainless-OS': 'Linux',
      cookie: 'a=b',
      'anthropic-version': '2026-10-21',
      'content-type': 'application/json',
    };
    await sealedFetch(transport)('https://a.example', { method: 'POST', headers, body: '{}' });
    await sealedFetch(transport, ['anthropic-version'])('https://a.example', { headers });
    expect(sent.map((request) => request.headers)).toEqual([
      { authorization: 'Bearer sk-test-1', 'content-type': 'application/json' },
      { authorization: 'Bearer sk-test-1', 'anthropic-version': '2026-10-21' },
    ]);
  });

  it.each([
    undefined,
    { authorization: `Bearer ${PLACEHOLDER_KEY}` },
    { 'x-api-key': PLACEHOLDER_KEY },
    { authorization: 'Bearer sk-test-1', 'x-api-key': PLACEHOLDER_KEY },
  ])('sends nothing with %p', (headers) => {
    const { transport, sent } = recordingTransport();
    expect(() => sealedFetch(transport)('https://a.example', { headers })).toThrow(
      'no key of its own',
    );
    expect(sent).toEqual([]);
  });
});
