import { Agent, Pool } from 'undici';
import { guardedConnect, type ResolveAddresses } from './guarded-connect';
import type { OutboundPolicy } from './outbound-policy';

/** What an agent is made with; tests replace the resolver. */
export interface GuardedAgentOptions {
  readonly policy: OutboundPolicy;
  /** Milliseconds for name resolution, TCP and TLS together, ≥ 1. */
  readonly connectTimeoutMs: number;
  readonly resolveAddresses?: ResolveAddresses;
}

/**
 * Connections of which each is checked when it is opened. Follows no redirect, uses nothing of the environment (no
 * proxy, no switch that weakens TLS), and has no time limits of its own but the one for connecting.
 */
export function guardedAgent(options: GuardedAgentOptions): Agent {
  return new Agent({
    headersTimeout: 0,
    bodyTimeout: 0,
    allowH2: false,
    factory: (origin, poolOptions) =>
      new Pool(origin, {
        ...(poolOptions as Pool.Options),
        connect: guardedConnect({ ...options, origin: new URL(origin) }),
      }),
  });
}
