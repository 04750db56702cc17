import { Text, Title } from '@mantine/core';
import type { ExecutionResponse } from '../../client';
import { formatUsd } from '../../elements/format';
import { useApiKeys } from '../api-keys/api-keys-api';
import { Facts } from './execution-facts';
import { whatWasPaid } from './what-was-paid';

const NANO_PER_USD = 1e9;

/** Who paid, how much, and at which prices. Without an answer there is no receipt, but maybe a bill. */
export function ReceiptFacts({ execution }: { execution: ExecutionResponse }) {
  const { receipt } = execution;
  const keys = useApiKeys();
  if (receipt === null) {
    return (
      <section aria-label="Receipt">
        <Title order={2} size="h5">
          Receipt
        </Title>
        <Text size="sm" c="dimmed">
          {whatWasPaid(execution)}
        </Text>
      </section>
    );
  }
  const key = keys.data?.find(({ id }) => id === receipt.apiKeyId);
  const payer =
    key === undefined ? (receipt.apiKeyId ?? 'no key needed') : `${key.label} …${key.last4}`;
  return (
    <section aria-label="Receipt">
      <Title order={2} size="h5" mb={4}>
        Receipt
      </Title>
      <Facts
        rows={[
          ['Paid with', payer],
          ['Cost', formatUsd(receipt.costUsd)],
          [
            'Exactly',
            receipt.costUsd === null ? 'the price is not known' : `${receipt.costUsd} USD`,
          ],
          ['Model', receipt.model ?? '–'],
          ['Request at provider', receipt.providerRequestId ?? '–'],
          ...priceRows(receipt.price),
        ]}
      />
    </section>
  );
}

/** `inputNanoUsdPerMillion` → `Input, per million tokens`. */
function priceRows(price: object | null): (readonly [string, string])[] {
  return Object.entries(price ?? {})
    .filter(([, value]) => ['string', 'number'].includes(typeof value))
    .map(([name, value]) => describePrice(name, String(value)));
}

function describePrice(name: string, value: string): readonly [string, string] {
  const [, unit] = /^(\w+)NanoUsdPerMillion$/.exec(name) ?? [];
  if (unit === undefined) return [`Price ${name}`, value];
  const words = unit.replace(/([A-Z])/g, ' $1').toLowerCase();
  return [`Price of ${words}`, `$${Number(value) / NANO_PER_USD} per million tokens`];
}
