import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { Logger } from '@nestjs/common';
import { buildConnector } from 'undici';
import type { OutboundPolicy } from './outbound-policy';

/** Resolves a name to all its addresses. Replaceable so that a test can rebind a name. */
export type ResolveAddresses = (
  hostname: string,
  callback: (error: Error | null, addresses: readonly LookupAddress[]) => void,
) => void;

export interface GuardedConnectOptions {
  readonly policy: OutboundPolicy;
  readonly origin: URL;
  /** Milliseconds, ≥ 1. */
  readonly connectTimeoutMs: number;
  readonly resolveAddresses?: ResolveAddresses;
}

/**
 * Opens the connections to one origin. Every connection is checked when it is opened: the origin before,
 * which refuses a literal address (for these Node never calls the lookup hook), and then in the lookup hook
 * every address that the name resolves to.
 * Addresses that are not allowed are left out; if none remains, nothing is connected, and the failure is that of a
 * name that nobody knows: whoever chose the name must not learn from it which names lead inside. The log says it.
 */
export function guardedConnect(options: GuardedConnectOptions): buildConnector.connector {
  const { policy, origin } = options;
  const port = Number(origin.port) || (origin.protocol === 'https:' ? 443 : 80);
  const connect = buildConnector({
    timeout: options.connectTimeoutMs,
    // One request per socket: a broken or aborted connection never takes other paid calls with it.
    allowH2: false,
    // Said aloud, because NODE_TLS_REJECT_UNAUTHORIZED would switch the default off.
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    lookup: checkedLookup(policy, port, options.resolveAddresses ?? resolveBySystem),
  });
  return (target, callback) => {
    try {
      policy.checkOrigin(origin);
    } catch (error) {
      callback(asError(error), null);
      return;
    }
    connect(target, callback);
  };
}

const logger = new Logger('Outbound');
const LEADS_INSIDE =
  'a host was not called: its name leads to private addresses only (KEYRUN_ALLOWED_HOSTS allows one)';

function checkedLookup(
  policy: OutboundPolicy,
  port: number,
  resolve: ResolveAddresses,
): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, (error, addresses) => {
      if (error !== null) {
        callback(error, '');
        return;
      }
      const allowed = addresses.filter(({ address }) =>
        policy.allowsAddress(hostname, port, address),
      );
      const first = allowed[0];
      if (first === undefined) {
        logger.warn({ message: LEADS_INSIDE, hostname, port });
        callback(unknownName(), '');
      } else if (options.all === true) {
        callback(null, allowed);
      } else {
        callback(null, first.address, first.family);
      }
    });
  };
}

function unknownName(): Error {
  return Object.assign(new Error('the name cannot be resolved'), { code: 'ENOTFOUND' });
}

function resolveBySystem(
  hostname: string,
  callback: (error: Error | null, addresses: readonly LookupAddress[]) => void,
): void {
  systemLookup(hostname, { all: true }, callback);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('connection refused by policy');
}
