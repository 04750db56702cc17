// Reads streams, in a process of its own: its work is not the server's.
import { createRequire } from 'node:module';
import { Pool } from 'undici';
import { quantile } from '../support/statistics.mjs';

const require = createRequire(import.meta.url);
const { Client } = require('pg');

const AGENT = { pipelining: 1, headersTimeout: 60_000, bodyTimeout: 120_000 };

/** Resolves at the first piece of the answer, with what resolves at the end of it. */
async function open(pool, { path, headers, body, status, firstPiece, end }) {
  const answer = await pool.request({ method: 'POST', path, headers, body });
  if (answer.statusCode !== status) throw new Error(`a stream answered ${answer.statusCode}`);
  answer.body.setEncoding('utf8');
  let text = '';
  let opened;
  const isOpen = new Promise((resolve) => (opened = resolve));
  const rest = (async () => {
    for await (const chunk of answer.body) {
      text += chunk;
      if (text.includes(firstPiece)) opened(performance.now());
    }
    opened(null);
    if (!text.includes(end)) throw new Error('a stream ended before its end');
  })();
  rest.catch(() => opened(null));
  const openedAtMs = await isOpen;
  if (openedAtMs === null) await rest;
  return { openedAtMs, rest };
}

async function timeFirstPiece(pool, target) {
  const sentAt = performance.now();
  const { openedAtMs, rest } = await open(pool, target);
  await rest;
  return openedAtMs - sentAt;
}

/** One at a time, through the server, directly, and what a commit of one row takes in its database. */
async function measureFirstPiece({ through, direct, databaseUrl, rounds, warmUp }) {
  const pools = [through, direct].map(({ origin }) => new Pool(origin, AGENT));
  const database = new Client({ connectionString: databaseUrl });
  await database.connect();
  await database.query('CREATE TABLE bench_commits (id bigint)');
  const times = { through: [], direct: [], added: [], commit: [] };
  try {
    for (let round = -warmUp; round < rounds; round += 1) {
      const early = round % 2 === 0 ? await timeFirstPiece(pools[1], direct) : null;
      const own = await timeFirstPiece(pools[0], through);
      const bare = early ?? (await timeFirstPiece(pools[1], direct));
      const begunAt = performance.now();
      await database.query('INSERT INTO bench_commits VALUES (1)');
      const commit = performance.now() - begunAt;
      if (round < 0) continue;
      times.through.push(own);
      times.direct.push(bare);
      times.added.push(own - bare);
      times.commit.push(commit);
    }
  } finally {
    await database.query('DROP TABLE bench_commits');
    await database.end();
    await Promise.all(pools.map((pool) => pool.close()));
  }
  const sum = (values) => ({ p50: quantile(values, 0.5), p95: quantile(values, 0.95) });
  return Object.fromEntries(Object.entries(times).map(([name, values]) => [name, sum(values)]));
}

let ending = null;

/** Answers when every stream has its first piece; {@link finish} when every one has ended. */
async function openMany({ target, count, concurrency }) {
  const pool = new Pool(target.origin, { ...AGENT, connections: count });
  const opened = [];
  let begun = 0;
  const one = async () => {
    while (begun < count) {
      begun += 1;
      opened.push(await open(pool, target));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, one));
  ending = { rests: opened.map(({ rest }) => rest), pool };
  return { opened: opened.length };
}

async function finish() {
  const { rests, pool } = ending;
  const ends = await Promise.allSettled(rests);
  await pool.close();
  return { failed: ends.filter(({ status }) => status === 'rejected').length };
}

const TASKS = { firstPiece: measureFirstPiece, openMany, finish };
process.on('message', async ({ task, ...request }) => process.send(await TASKS[task](request)));
process.once('disconnect', () => process.exit());
