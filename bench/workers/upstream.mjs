// A provider on loopback that speaks OpenAI's chat completions, as cheaply as node:http can.
// A path below /delay-50 answers after 50 ms.
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

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const [, milliseconds] = /^\/delay-(\d+)\//.exec(request.url) ?? [];
  const answer = () => response.writeHead(200, HEAD).end(ANSWER);
  request.resume().on('end', () => {
    if (milliseconds === undefined) answer();
    else setTimeout(answer, Number(milliseconds));
  });
});

process.once('message', () => {
  server.listen(0, '127.0.0.1', () => process.send({ host: `127.0.0.1:${server.address().port}` }));
});
process.once('disconnect', () => process.exit());
