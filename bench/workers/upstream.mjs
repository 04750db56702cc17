// A provider on loopback that speaks OpenAI's chat completions, as cheaply as node:http can.
// A path below /delay-50 answers after 50 ms. Asked for a stream, it sends the first piece at once; below /hold it ends
// the stream only when it is told to, so that as many as wanted are open at the same time.
import { createServer } from 'node:http';

const ANSWER = JSON.stringify({
  id: 'chatcmpl-bench',
  object: 'chat.completion',
  created: 1_700_000_000,
  model: 'gpt-4o-mini-2024-07-18',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: 'word '.repeat(200), refusal: null },
      logprobs: null,
      finish_reason: 'stop',
    },
  ],
  usage: { prompt_tokens: 120, completion_tokens: 200, total_tokens: 320 },
});
const HEAD = {
  'content-type': 'application/json',
  'content-length': String(Buffer.byteLength(ANSWER)),
  'x-request-id': 'req_bench',
};

const HEAD_OF_STREAM = { 'content-type': 'text/event-stream', 'x-request-id': 'req_bench' };
const piece = (fields) => {
  const [{ id, created, model }, object] = [JSON.parse(ANSWER), 'chat.completion.chunk'];
  return `data: ${JSON.stringify({ id, object, created, model, ...fields })}\n\n`;
};
const choice = (delta, finishReason = null) => ({
  choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
});
const FIRST_PIECE = piece(choice({ role: 'assistant', content: 'word' }));
const LAST_PIECES =
  piece(choice({}, 'stop')) +
  piece({
    choices: [],
    usage: { prompt_tokens: 120, completion_tokens: 1, total_tokens: 121 },
  }) +
  'data: [DONE]\n\n';
const held = new Set();

function stream(request, response) {
  response.writeHead(200, HEAD_OF_STREAM).write(FIRST_PIECE);
  if (request.url.startsWith('/hold/')) held.add(response);
  else response.end(LAST_PIECES);
}

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const [, milliseconds] = /^\/delay-(\d+)\//.exec(request.url) ?? [];
  const answer = () => response.writeHead(200, HEAD).end(ANSWER);
  let body = '';
  request.setEncoding('utf8').on('data', (text) => (body += text));
  request.on('end', () => {
    if (body.includes('"stream":true')) stream(request, response);
    else if (milliseconds === undefined) answer();
    else setTimeout(answer, Number(milliseconds));
  });
});

process.on('message', ({ release = false }) => {
  if (release) {
    for (const response of held) response.end(LAST_PIECES);
    process.send({ released: held.size });
    held.clear();
    return;
  }
  server.listen(0, '127.0.0.1', () => process.send({ host: `127.0.0.1:${server.address().port}` }));
});
process.once('disconnect', () => process.exit());
