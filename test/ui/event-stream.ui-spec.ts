import { readEvents, type ServerEvent } from '../../web/src/http/event-stream';

const TEXT = [
  ': a comment\n\n',
  'event: delta\ndata: {"type":"text","text":"Grüße 🥙"}\n\n',
  'event: delta\r\ndata: {"text":"a"}\r\n\r\n',
  'data: one\ndata: two\nid: 7\n\n',
  'event:done\rdata:{"status":"completed"}\r\r',
  'event: cut\ndata: never ended',
].join('');

const EVENTS: readonly ServerEvent[] = [
  { event: 'delta', data: '{"type":"text","text":"Grüße 🥙"}' },
  { event: 'delta', data: '{"text":"a"}' },
  { event: 'message', data: 'one\ntwo' },
  { event: 'done', data: '{"status":"completed"}' },
];

const BYTES = new TextEncoder().encode(TEXT);

describe('the reader of server-sent events', () => {
  it('reads the same wherever the network cuts', async () => {
    for (let cut = 0; cut <= BYTES.length; cut += 1) {
      expect(await eventsOf([BYTES.slice(0, cut), BYTES.slice(cut)])).toEqual(EVENTS);
    }
  });

  it('reads byte by byte', async () => {
    expect(await eventsOf(Array.from(BYTES, (byte) => Uint8Array.of(byte)))).toEqual(EVENTS);
  });

  it('ends with the stream', async () => {
    expect(await eventsOf([])).toEqual([]);
  });
});

async function eventsOf(chunks: readonly Uint8Array<ArrayBuffer>[]): Promise<ServerEvent[]> {
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  const events: ServerEvent[] = [];
  for await (const event of readEvents(body)) events.push(event);
  return events;
}
