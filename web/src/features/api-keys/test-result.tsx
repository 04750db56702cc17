import { Alert, Text } from '@mantine/core';
import { IconCircleCheck, IconCircleX } from '@tabler/icons-react';
import type { TestApiKeyResponse } from '../../client';
import { formatDuration } from '../../elements/format';

/** What the provider said to a key, in words. */
export function TestResult({ result }: { result: TestApiKeyResponse | null }) {
  if (result === null) return null;
  const { ok, message, latencyMs, model } = result;
  return (
    <Alert
      role="status"
      color={ok ? 'green' : 'red'}
      title={ok ? 'The key works' : 'The key does not work'}
      icon={ok ? <IconCircleCheck aria-hidden /> : <IconCircleX aria-hidden />}
    >
      <Text size="sm" className="wrap-anywhere">
        {message}
      </Text>
      <Text size="xs" c="dimmed">
        A real call that costs nothing, in {formatDuration(latencyMs)}
        {model !== null && `; it may use ${model}`}
      </Text>
    </Alert>
  );
}
