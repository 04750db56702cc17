/** Why an attempt was no delivery, and what it means: our own words, never the receiver's. */
export const DELIVERY_FAULTS = {
  blocked_destination: 'The URL may not be called: the policy of this server does not allow it.',
  connect_failed: 'The receiver cannot be reached: name, address, port or TLS.',
  connection_lost: 'The connection broke before the receiver answered.',
  timeout: 'The receiver did not answer within 15 seconds.',
  invalid_response: 'The receiver answered with something that is no HTTP.',
  redirect: 'The receiver answered with a redirect, which is not followed. Save the new URL.',
  gone: 'The receiver answered 410 Gone.',
  client_error: 'The receiver refused the event (4xx).',
  server_error: 'The receiver failed (5xx).',
  secret_unreadable: 'The signing secret cannot be opened, so nothing was sent. Rotate it.',
  interrupted: 'This server was stopped before the receiver answered.',
} as const;

/** Why an attempt was no delivery. */
export type DeliveryFault = keyof typeof DELIVERY_FAULTS;

/** How one attempt ended. */
export interface DeliveryOutcome {
  /** Null: the receiver accepted the event with a 2xx. */
  readonly errorCategory: DeliveryFault | null;
  /** Null: there was no answer. */
  readonly responseStatus: number | null;
  readonly latencyMs: number;
  /** How long the receiver asks to wait; undefined: it does not. */
  readonly retryAfterMs?: number;
}

/** What a status says of the delivery. Only a 2xx is a yes. */
export function faultOfStatus(status: number): DeliveryFault | null {
  if (status >= 200 && status < 300) return null;
  if (status === 410) return 'gone';
  if (status < 400) return 'redirect';
  return status < 500 ? 'client_error' : 'server_error';
}
