/* global document, localStorage, PerformanceObserver, requestAnimationFrame */
// The web UI in a real browser: when its first page answers, and how the longest list scrolls.
import { createRequire } from 'node:module';
import { median } from '../support/statistics.mjs';

const require = createRequire(import.meta.url);
const { chromium } = require('playwright-core');
const { Client } = require('pg');

const FRAMES = 600;
const ROWS_PER_FRAME = 20;
const LOAD_LIMIT_MS = 180_000;

/** One every 10 ms until now, in the order of their ids. */
const FILL = `
  INSERT INTO agent_executions (id, workspace_id, agent_id, provider, model, status, created_at, started_at, completed_at,
    deadline_at, latency_ms, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_source)
  SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '7000' || '8' || substr(md5(number::text), 1, 15))::uuid,
         $1, 'agent-' || number, 'echo', 'tool', 'completed', moment, moment, moment, moment, 5, 1, 1, 0, 0, 0, 'provider'
  FROM (SELECT number, now() - ($2::integer - number) * interval '10 milliseconds' AS moment
        FROM generate_series(1, $2::integer) AS number) AS made`;

async function withBrowser({ executablePath }, work) {
  // Chromium refuses to run as root with its sandbox.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const browser = await chromium.launch({ executablePath, args });
  try {
    return await work(browser);
  } finally {
    await browser.close();
  }
}

/** A profile of its own that is signed in and has loaded nothing else. */
async function signedIn(browser, { baseUrl, token }) {
  const context = await browser.newContext({ baseURL: baseUrl });
  await context.request.post('/api/session', {
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      origin: baseUrl,
      'x-keyrun-csrf': '1',
    },
    data: {},
  });
  await context.addInitScript(() => localStorage.setItem('keyrun-signed-in', '1'));
  await context.addInitScript(watchLongTasks);
  return context;
}

/** In the page: keeps when it was busy for more than 50 ms. */
function watchLongTasks() {
  globalThis.longTasks = [];
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries())
      globalThis.longTasks.push(startTime + duration);
  }).observe({ type: 'longtask', buffered: true });
}

async function firstPage({ rounds, ...place }) {
  return withBrowser(place, async (browser) => {
    const times = { cold: [], warm: [] };
    for (let round = 0; round < rounds; round += 1) {
      const context = await signedIn(browser, place);
      times.cold.push(await visit(context, place));
      times.warm.push(await visit(context, place));
      await context.close();
    }
    const summary = (visits) => ({
      interactiveMs: median(visits.map(({ interactiveMs }) => interactiveMs)),
      scriptBytes: median(visits.map(({ scriptBytes }) => scriptBytes)),
    });
    return { cold: summary(times.cold), warm: summary(times.warm) };
  });
}

/** Interactive: what the page is for can be pressed and opens, and no long task is in the way. */
async function visit(context, { workspaceId }) {
  const page = await context.newPage();
  await page.goto(`/workspaces/${workspaceId}/keys`, { waitUntil: 'commit' });
  const button = page.getByRole('button', { name: 'Add OpenAI key' });
  await button.waitFor();
  const seenMs = await page.evaluate(() => performance.now());
  const { interactiveMs, scriptBytes } = await page.evaluate(readVisit, seenMs);
  await button.click();
  await page.getByRole('dialog').waitFor();
  await page.close();
  return { interactiveMs, scriptBytes };
}

/** In the page, once it has been quiet for two frames. */
async function readVisit(seenMs) {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  await frame();
  await frame();
  const scripts = performance
    .getEntriesByType('resource')
    .filter(({ name }) => name.endsWith('.js'));
  return {
    interactiveMs: Math.max(seenMs, ...globalThis.longTasks),
    scriptBytes: scripts.reduce((sum, { transferSize }) => sum + transferSize, 0),
  };
}

async function scrolling({ executions, ...place }) {
  const client = new Client({ connectionString: place.databaseUrl });
  await client.connect();
  try {
    await client.query(FILL, [place.workspaceId, executions]);
  } finally {
    await client.end();
  }
  return withBrowser(place, async (browser) => {
    const context = await signedIn(browser, place);
    const page = await context.newPage();
    page.setDefaultTimeout(LOAD_LIMIT_MS);
    await page.goto(`/workspaces/${place.workspaceId}/executions?model=tool`);
    const list = page.getByRole('region', { name: 'Executions' });
    await list.evaluate(loadAll, executions);
    return list.evaluate(scrollThrough, { frames: FRAMES, rowsPerFrame: ROWS_PER_FRAME });
  });
}

/** In the page: scrolls to the end until so many rows are loaded. */
async function loadAll(list, executions) {
  const loaded = () => {
    const [, count = '0'] = /([\d,]+) loaded/.exec(document.body.innerText) ?? [];
    return Number(count.replaceAll(',', ''));
  };
  for (let step = 0; step % 20 !== 0 || loaded() < executions; step += 1) {
    list.scrollTo(0, list.scrollHeight);
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
  list.scrollTo(0, 0);
}

/** In the page: down through all of it, evenly over the list, as fast as a thumb flings it. */
async function scrollThrough(list, { frames, rowsPerFrame }) {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const row = list.querySelector('tbody tr:not([aria-hidden])').offsetHeight;
  const result = { frames, late: 0, longestMs: 0, longTasks: 0, rows: 0 };
  for (let step = 0; step < 30; step += 1) await frame();
  globalThis.longTasks.length = 0;
  let last = await frame();
  for (let step = 0; step < frames; step += 1) {
    // A jump now and then, so that the whole list is passed.
    const jump = step % 60 === 0 ? (list.scrollHeight / frames) * 50 : 0;
    list.scrollBy(0, row * rowsPerFrame + jump);
    const now = await frame();
    if (now - last > 33.4) result.late += 1;
    result.longestMs = Math.max(result.longestMs, now - last);
    result.rows = Math.max(result.rows, list.querySelectorAll('tbody tr').length);
    last = now;
  }
  result.longTasks = globalThis.longTasks.length;
  return result;
}

const TASKS = { firstPage, scrolling };

process.on('message', async ({ task, ...request }) => process.send(await TASKS[task](request)));
process.once('disconnect', () => process.exit());
