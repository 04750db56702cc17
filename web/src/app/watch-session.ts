import { focusManager } from '@tanstack/react-query';
import type { SessionResponse } from '../client';
import { lastAnswer } from '../http/api';

/** While somebody is at the page, an end of the session is noticed after this at the latest. */
const CHECK_MS = 20_000;
/** Nobody moved for so long: nothing is asked any more, because that is a use and keeps a session alive. */
const PRESENT_MS = 600_000;
/** The server ends a session that was not used for so long. */
const IDLE_MS = 3_600_000;
const MARGIN_MS = 5_000;

const SIGNS = ['pointermove', 'pointerdown', 'keydown', 'wheel', 'visibilitychange'] as const;

/**
 * Has the session confirmed while nothing else asks the server: now and then as long as somebody is there, at once
 * when they come back, and when it must have ended. While nobody is there, no page reads anything again by itself.
 * @returns what ends it.
 */
export function watchSession(session: SessionResponse, confirm: () => Promise<void>): () => void {
  let lastSignMs = Date.now();
  let isAsking = false;
  const endMs = session.expiresAt === null ? Infinity : Date.parse(session.expiresAt);
  const ask = () => {
    if (isAsking) return;
    isAsking = true;
    void confirm().finally(() => {
      isAsking = false;
    });
  };
  const look = () => {
    const now = Date.now();
    const silentMs = now - lastAnswer();
    const isThere = now - lastSignMs < PRESENT_MS;
    const isAttended = isThere && document.visibilityState === 'visible';
    const mustHaveEnded = now > endMs || silentMs > IDLE_MS + MARGIN_MS;
    if (mustHaveEnded || (isAttended && silentMs >= CHECK_MS)) ask();
    focusManager.setFocused(isThere ? undefined : false);
  };
  const notice = () => {
    const wasAway = Date.now() - lastSignMs >= CHECK_MS;
    lastSignMs = Date.now();
    if (wasAway) look();
  };
  focusManager.setFocused(undefined);
  for (const sign of SIGNS) document.addEventListener(sign, notice, { passive: true });
  const timer = setInterval(look, CHECK_MS / 4);
  return () => {
    clearInterval(timer);
    for (const sign of SIGNS) document.removeEventListener(sign, notice);
    focusManager.setFocused(false);
  };
}
