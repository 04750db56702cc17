import { Logger } from '@nestjs/common';
import { createHmac } from 'node:crypto';
import { isIP } from 'node:net';
import { verify, WebhookReceiver } from '../../../test/support/webhook-receiver';
import { Secret } from '../../common';
import { OutboundPolicy, type ResolveAddresses } from '../../outbound';
import { WebhookSender } from './webhook-sender';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const OTHER_SECRET = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
const MESSAGE = {
  id: '01a20ccc-90da-765a-b3f3-df873ccb53ce',
  type: 'execution.completed',
  occurredAt: new Date('2026-11-24T09:00:00.123Z'),
  data: { name: 'Zoë 🚀' },
};

describe('WebhookSender', () => {
  let receiver: WebhookReceiver;
  const senders: WebhookSender[] = [];

  beforeEach(async () => {
    receiver = await WebhookReceiver.start();
  });

  afterEach(async () => {
    await Promise.all(senders.splice(0).map((sender) => sender.onApplicationShutdown()));
    await receiver.close();
  });

  function senderWith(allowedHosts: string[], resolveAddresses?: ResolveAddresses): WebhookSender {
    const policy = new OutboundPolicy({ customBaseUrl: 'https-public', allowedHosts });
    const sender = new WebhookSender(policy, resolveAddresses);
    senders.push(sender);
    return sender;
  }

  const send = (secrets = [SECRET], path = '/hook', signal?: AbortSignal) =>
    senderWith([receiver.host]).send(
      `http://${receiver.host}${path}`,
      MESSAGE,
      secrets.map((secret) => new Secret(secret)),
      signal,
    );

  it('signs what it sends, by the words of the specification', async () => {
    const outcome = await send([SECRET], '/hook?for=keyrun');
    expect(outcome).toEqual({
      errorCategory: null,
      responseStatus: 200,
      latencyMs: expect.any(Number),
      retryAfterMs: undefined,
    });
    const [event] = receiver.events;
    const { id, type, occurredAt, data } = MESSAGE;
    expect(verify(SECRET, event!)).toEqual({ type, timestamp: occurredAt.toISOString(), data });
    expect(event!.path).toBe('/hook?for=keyrun');
    const { headers, text } = event!;
    expect(headers).toMatchObject({ 'webhook-id': id, 'content-type': 'application/json' });
    const signed = `${id}.${String(headers['webhook-timestamp'])}.${text}`;
    const mac = createHmac('sha256', Buffer.alloc(32, 7)).update(signed).digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${mac}`);
    expect(Math.abs(Date.now() / 1_000 - Number(headers['webhook-timestamp']))).toBeLessThan(60);
  });

  it('signs with every secret', async () => {
    await send([SECRET, OTHER_SECRET]);
    const [event] = receiver.events;
    expect(String(event!.headers['webhook-signature']).split(' ')).toHaveLength(2);
    for (const secret of [SECRET, OTHER_SECRET]) expect(() => verify(secret, event!)).not.toThrow();
    const stranger = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
    expect(() => verify(stranger, event!)).toThrow('No matching signature');
  });

  it.each([
    [204, null],
    [400, 'client_error'],
    [404, 'client_error'],
    [410, 'gone'],
    [429, 'client_error'],
    [500, 'server_error'],
    [503, 'server_error'],
    [304, 'redirect'],
  ])('takes %i for %s', async (status, errorCategory) => {
    receiver.answer(status);
    expect(await send()).toMatchObject({ errorCategory, responseStatus: status });
  });

  it('reads how long to wait', async () => {
    receiver.answer((response) => response.writeHead(503, { 'retry-after': '120' }).end());
    expect(await send()).toMatchObject({ errorCategory: 'server_error', retryAfterMs: 120_000 });
  });

  it.each([301, 302, 303, 307, 308])('does not follow a %i', async (status) => {
    receiver.answer((response) => response.writeHead(status, { location: '/elsewhere' }).end());
    expect(await send()).toMatchObject({ errorCategory: 'redirect', responseStatus: status });
    expect(receiver.events.map(({ path }) => path)).toEqual(['/hook']);
  });

  it('does not read an endless answer, nor wait for its end', async () => {
    let written = 0;
    receiver.answer((response) => {
      const piece = Buffer.alloc(16 * 1024, 'x');
      const more = () => {
        while (!response.destroyed && written < 64 * 1024 * 1024) {
          written += piece.length;
          if (!response.write(piece)) return;
        }
      };
      response.writeHead(200).on('drain', more);
      more();
    });
    expect(await send()).toMatchObject({ errorCategory: null, responseStatus: 200 });
    expect(written).toBeLessThan(16 * 1024 * 1024);
  });

  it('tells a connection that breaks from one that is never made', async () => {
    receiver.answer((response) => response.socket?.destroy());
    expect(await send()).toMatchObject({ errorCategory: 'connection_lost', responseStatus: null });
    receiver.answer((response) => response.socket?.end('no HTTP at all\r\n\r\n'));
    expect(await send()).toMatchObject({ errorCategory: 'invalid_response' });
    await receiver.close();
    expect(await send()).toMatchObject({ errorCategory: 'connect_failed' });
    await receiver.resume();
  });

  it('ends when it is told to', async () => {
    const stop = new AbortController();
    receiver.answer(() => {
      stop.abort();
    });
    expect(await send([SECRET], '/hook', stop.signal)).toMatchObject({
      errorCategory: 'interrupted',
    });
    expect(await send([SECRET], '/hook', AbortSignal.abort())).toMatchObject({
      errorCategory: 'interrupted',
    });
    expect(receiver.events).toHaveLength(1);
  });

  it('asks no name for a URL that was saved before the operator allowed a list only', async () => {
    const asked: string[] = [];
    const sender = new WebhookSender(
      new OutboundPolicy({ customBaseUrl: 'allowlist', allowedHosts: [] }),
      (hostname, callback) => {
        asked.push(hostname);
        callback(new Error('no such name'), []);
      },
    );
    senders.push(sender);
    const outcome = await sender.send('https://hooks.example.com/', MESSAGE, [new Secret(SECRET)]);
    expect(outcome).toMatchObject({ errorCategory: 'blocked_destination' });
    expect(asked).toEqual([]);
  });

  describe('leads nowhere inside', () => {
    let logged: jest.SpyInstance;

    beforeEach(() => {
      logged = jest.spyOn(Logger.prototype, 'warn').mockReturnValue();
    });

    afterEach(() => {
      logged.mockRestore();
    });

    it.each(['127.0.0.1', '127.1', '0x7f.1', '2130706433', '[::ffff:127.0.0.1]', '[::1]', '0'])(
      'by %s',
      async (host) => {
        for (const scheme of ['http', 'https']) {
          const url = `${scheme}://${host}:${receiver.port}/`;
          const outcome = await senderWith([]).send(url, MESSAGE, [new Secret(SECRET)]);
          expect(outcome).toMatchObject({ errorCategory: 'blocked_destination' });
        }
        expect(receiver.connections).toBe(0);
      },
    );

    it.each(['127.0.0.1', '::1', '169.254.169.254', '10.0.0.1', '::ffff:127.0.0.1'])(
      'by a public name that resolves to %s',
      async (address) => {
        const asked: string[] = [];
        const sender = senderWith([], (hostname, callback) => {
          asked.push(hostname);
          callback(null, [{ address, family: isIP(address) }]);
        });
        const url = 'https://hooks.example.com/';
        const outcome = await sender.send(url, MESSAGE, [new Secret(SECRET)]);
        // As if nobody knew the name: a sender does not learn which names lead inside.
        expect(outcome).toMatchObject({ errorCategory: 'connect_failed' });
        expect(asked).toEqual(['hooks.example.com']);
        expect(logged).toHaveBeenCalledTimes(1);
      },
    );
  });
});
