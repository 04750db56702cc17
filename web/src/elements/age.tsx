import { Text, Tooltip } from '@mantine/core';
import { formatAge, formatDateTime } from './format';
import { useNow } from './use-now';

/** How long ago, with the exact time on hover and focus. */
export function Age({ time, never = 'never' }: { time: string | null; never?: string }) {
  const now = useNow();
  if (time === null) {
    return (
      <Text span size="sm" c="dimmed">
        {never}
      </Text>
    );
  }
  return (
    <Tooltip label={formatDateTime(time)}>
      <Text span size="sm" component="time" dateTime={time}>
        {formatAge(time, now)}
      </Text>
    </Tooltip>
  );
}
