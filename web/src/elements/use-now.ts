import { useSyncExternalStore } from 'react';

const TICK_MS = 5_000;
const listeners = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const tell of listeners) tell();
  }, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** The time of the last tick, the same for everything that is rendered until the next one. */
export function useTick(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** The time, told again every five seconds: what is said to be three seconds old does not stay so. */
export function useNow(): number {
  useTick();
  return Date.now();
}
