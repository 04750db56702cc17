import { type Billed, whatWasPaid } from '../../web/src/features/executions/what-was-paid';

const CASES: readonly (readonly [string, Billed[], string | null, RegExp])[] = [
  ['queued', [], null, /^It has not ended yet/],
  ['running', ['unknown'], null, /^It has not ended yet/],
  ['running', ['partial', 'unknown'], '0.1', /^It has not ended yet/],
  ['cancelled', [], null, /^Nothing was paid\.$/],
  ['failed', ['no', 'no'], null, /^Nothing was paid\.$/],
  ['failed', ['unknown', 'no'], null, /^It may have been billed/],
  ['failed', ['no', 'partial'], '0.1', /^Paid in part: \$0\.1\.$/],
  ['cancelled', ['partial'], null, /^Paid in part: the price is not known\.$/],
  ['failed', ['yes'], '0.1', /^Paid: \$0\.1\.$/],
  ['failed', ['yes', 'no'], '0.1', /^Paid: \$0\.1\.$/],
  ['failed', ['partial', 'unknown'], '0.1', /^Paid in part: \$0\.1\. More may have been billed/],
];

describe('what is said of the money', () => {
  it.each(CASES)('of one that is %s, billed %j, cost %s', (status, billed, costUsd, sentence) => {
    const attempts = billed.map((each) => ({ billed: each }));
    expect(whatWasPaid({ status, error: null, costUsd, attempts })).toMatch(sentence);
  });

  it('believes the failure when no attempt is on record', () => {
    const error = { billed: 'unknown' } as const;
    const execution = { status: 'failed', error, costUsd: null, attempts: [] };
    expect(whatWasPaid(execution)).toMatch(/^It may have been billed/);
  });
});
