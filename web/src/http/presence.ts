type Listener = (isSignedIn: boolean) => void;

const listeners = new Set<Listener>();
let isThere = false;

/** Whether anybody is signed in: what asks the server by itself asks for nobody in vain. */
export function isSignedIn(): boolean {
  return isThere;
}

/** To be told by whoever knows. */
export function announcePresence(isSignedInNow: boolean): void {
  if (isThere === isSignedInNow) return;
  isThere = isSignedInNow;
  for (const listener of listeners) listener(isThere);
}

/** @returns what ends it. */
export function onPresenceChange(listener: Listener): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}
