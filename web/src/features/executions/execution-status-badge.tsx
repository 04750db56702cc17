import {
  IconBan,
  IconCircleCheck,
  IconCircleX,
  IconClock,
  IconPlayerPlay,
} from '@tabler/icons-react';
import type { ExecutionSummaryResponse } from '../../client';
import classes from './execution-status-badge.module.css';

const LOOKS = {
  queued: { label: 'Queued', color: 'gray', Icon: IconClock },
  running: { label: 'Running', color: 'blue', Icon: IconPlayerPlay },
  completed: { label: 'Completed', color: 'green', Icon: IconCircleCheck },
  failed: { label: 'Failed', color: 'red', Icon: IconCircleX },
  cancelled: { label: 'Cancelled', color: 'gray', Icon: IconBan },
} as const satisfies Record<ExecutionSummaryResponse['status'], unknown>;

export const STATUS_CHOICES = Object.entries(LOOKS).map(([value, { label }]) => ({ value, label }));

/** As light as it looks: a list shows many of them while it is scrolled. */
export function ExecutionStatusBadge({ status }: { status: ExecutionSummaryResponse['status'] }) {
  const { label, color, Icon } = LOOKS[status];
  return (
    <span className={classes.badge} data-color={color}>
      <Icon size={14} aria-hidden />
      {label}
    </span>
  );
}
