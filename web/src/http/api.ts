import { client } from '../client/client.gen';
import { toProblem } from './problem';

type Listener = () => void;
const sessionEndListeners = new Set<Listener>();
let lastAnswerMs = Date.now();

/** Calls back when the server says that nobody is signed in any more. */
export function onSessionEnd(listener: Listener): Listener {
  sessionEndListeners.add(listener);
  return () => {
    sessionEndListeners.delete(listener);
  };
}

/** What every request of this page carries; without it the server refuses to change anything. */
export const REQUEST_HEADERS = { 'x-keyrun-csrf': '1', 'content-type': 'application/json' };

/** To be called once. From then on every failed request throws a {@link Problem}. */
export function setUpApi(): void {
  client.setConfig({ baseUrl: '', throwOnError: true, credentials: 'same-origin' });
  client.interceptors.request.use((request) => {
    for (const [name, value] of Object.entries(REQUEST_HEADERS)) request.headers.set(name, value);
    return request;
  });
  client.interceptors.response.use((response, request) => {
    noteAnswer(response, request.headers.has('authorization'));
    return response;
  });
  client.interceptors.error.use((error, response) => toProblem(error, response));
}

/** When the API last answered somebody who is signed in. */
export function lastAnswer(): number {
  return lastAnswerMs;
}

/** Also for requests that do not go through the client. */
export function noteAnswer(response: Response, isSigningIn = false): void {
  if (response.status !== 401) {
    if (new URL(response.url).pathname.startsWith('/api/')) lastAnswerMs = Date.now();
    return;
  }
  if (isSigningIn) return;
  for (const listener of sessionEndListeners) listener();
}
