import { formatUsd } from '../../elements/format';
import { isUnfinished } from './is-unfinished';

/** What is known of the bill of an attempt, as the API says it. */
export type Billed = 'no' | 'yes' | 'partial' | 'unknown';

interface Billable {
  readonly status: string;
  readonly error: { readonly billed: Billed } | null;
  readonly costUsd: string | null;
  readonly attempts: readonly { readonly billed: Billed }[];
}

/** What is known of the money, in one sentence. Nothing was paid only if that is known of every attempt. */
export function whatWasPaid(execution: Billable): string {
  const { error, costUsd } = execution;
  if (isUnfinished(execution)) return 'It has not ended yet, so its cost is not known.';
  const billed = execution.attempts.map((attempt) => attempt.billed);
  if (error !== null) billed.push(error.billed);
  const isPaid = costUsd !== null || billed.includes('yes') || billed.includes('partial');
  const isUnsure = billed.includes('unknown');
  if (!isPaid)
    return isUnsure ? 'It may have been billed: that is not known.' : 'Nothing was paid.';
  const paid = isUnsure || billed.includes('partial') ? 'Paid in part' : 'Paid';
  const known = costUsd === null ? 'the price is not known' : formatUsd(costUsd);
  const doubt = isUnsure ? ' More may have been billed: that is not known.' : '';
  return `${paid}: ${known}.${doubt}`;
}
