/* global AbortController */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { commandLine, descendants } from './process-facts.mjs';

const STOP_LIMIT_MS = 15_000;
const owned = new Set();
let isEnding = false;

/** Starts a process that ends with the run, and that nothing but its own pid is used to end. */
export function startOwned(command, parameters, options) {
  if (isEnding) throw new Error('the run is ending');
  const child = spawn(command, parameters, options);
  owned.add(child);
  child.once('exit', () => owned.delete(child));
  return child;
}

/** Starts a script of `bench/` with a channel for messages. */
export function startWorker(name) {
  const path = fileURLToPath(new URL(`../workers/${name}.mjs`, import.meta.url));
  return startOwned(process.execPath, [path], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

/** Sends the request and waits for the answer. */
export async function ask(worker, request = {}) {
  const gone = new AbortController();
  const failed = once(worker, 'exit', { signal: gone.signal }).then(([code]) => {
    throw new Error(`a worker of the bench ended with ${code}`);
  });
  try {
    worker.send(request);
    const [answer] = await Promise.race([once(worker, 'message', { signal: gone.signal }), failed]);
    return answer;
  } finally {
    failed.catch(() => undefined);
    gone.abort();
  }
}

/** Starts a worker, asks it one thing and ends it. */
export async function askOnce(name, request) {
  const worker = startWorker(name);
  try {
    return await ask(worker, request);
  } finally {
    await stop(worker);
  }
}

/** Ends the process, and waits for those below it: npm is gone before the server that it started. */
export async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const below = descendants(child.pid);
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
  await ended;
  clearTimeout(timer);
  const giveUpAt = performance.now() + STOP_LIMIT_MS;
  while (below.some((pid) => commandLine(pid) !== '') && performance.now() < giveUpAt) {
    await delay(50);
  }
}

export async function stopAll() {
  await Promise.all([...owned].map(stop));
}

/** Like {@link stopAll}, and nothing starts any more. */
export async function stopForGood() {
  isEnding = true;
  await stopAll();
}
