import { existsSync } from 'node:fs';
import { ask, startWorker, stop } from '../support/owned-process.mjs';
import { figure, printTable } from '../support/table.mjs';

/** Where Debian puts it. */
const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
const ROUNDS = 5;
const EXECUTIONS = 50_000;

/** What a person waits for: the first page, and the longest list under their thumb. Needs Chromium. */
export async function measureWebUi(server) {
  if (!existsSync(CHROMIUM)) {
    console.log(`\nWeb UI: skipped, there is no Chromium at ${CHROMIUM} (set CHROMIUM_PATH).`);
    return;
  }
  const { baseUrl, token, workspaceId } = server;
  const databaseUrl = await server.databaseUrl();
  const worker = startWorker('browser');
  try {
    const place = { executablePath: CHROMIUM, baseUrl, token, workspaceId, databaseUrl };
    await measureFirstPage(worker, place);
    await measureScrolling(worker, place);
  } finally {
    await stop(worker);
  }
}

async function measureFirstPage(worker, place) {
  const { cold, warm } = await ask(worker, { task: 'firstPage', rounds: ROUNDS, ...place });
  const row = (label, { interactiveMs, scriptBytes }, target) => [
    label,
    figure(interactiveMs, ' ms'),
    target,
    figure(scriptBytes / 1_000, ' kB'),
    '≤ 250 kB',
  ];
  printTable(
    `Web UI: from the address to a page that answers, signed in (median of ${ROUNDS})`,
    ['', 'interactive', 'target', 'script sent', 'target'],
    [row('first visit', cold, '≤ 1.5 s'), row('again, from the cache', warm, '')],
  );
}

async function measureScrolling(worker, place) {
  const request = { task: 'scrolling', executions: EXECUTIONS, ...place };
  const { frames, late, longestMs, longTasks, rows } = await ask(worker, request);
  printTable(
    `Web UI: scrolling through the ${EXECUTIONS} executions that are loaded, ${frames} frames`,
    ['', 'Keyrun', 'target'],
    [
      [
        'frames that came late (over 33 ms)',
        `${late} (${figure((late * 100) / frames)} %)`,
        '≤ 1 %',
      ],
      ['longest time between two frames', figure(longestMs, ' ms'), ''],
      ['tasks over 50 ms', String(longTasks), '0'],
      ['rows in the document at most', String(rows), '≤ 100'],
    ],
  );
}
