import { Text, Tooltip } from '@mantine/core';
import { formatAge, formatDateTime } from './format';

/** How long ago, with the exact time on hover and focus. */
export function Age({ time, never = 'never' }: { time: string | null; never?: string }) {
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
        {formatAge(time)}
      </Text>
    </Tooltip>
  );
}
