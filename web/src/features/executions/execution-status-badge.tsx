import { Badge } from '@mantine/core';
import {
  IconBan,
  IconCircleCheck,
  IconCircleX,
  IconClock,
  IconPlayerPlay,
} from '@tabler/icons-react';
import type { ExecutionSummaryResponse } from '../../client';

const LOOKS = {
  queued: { label: 'Queued', color: 'gray', Icon: IconClock },
  running: { label: 'Running', color: 'blue', Icon: IconPlayerPlay },
  completed: { label: 'Completed', color: 'green', Icon: IconCircleCheck },
  failed: { label: 'Failed', color: 'red', Icon: IconCircleX },
  cancelled: { label: 'Cancelled', color: 'gray', Icon: IconBan },
} as const satisfies Record<ExecutionSummaryResponse['status'], unknown>;

export const STATUS_CHOICES = Object.entries(LOOKS).map(([value, { label }]) => ({ value, label }));

export function ExecutionStatusBadge({ status }: { status: ExecutionSummaryResponse['status'] }) {
  const { label, color, Icon } = LOOKS[status];
  return (
    <Badge variant="light" color={color} tt="none" leftSection={<Icon size={14} aria-hidden />}>
      {label}
    </Badge>
  );
}
