import { Badge, Tooltip } from '@mantine/core';
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleX,
  IconClock,
  IconPlayerPause,
} from '@tabler/icons-react';
import type { ApiKeyResponse } from '../../client';

type Status = ApiKeyResponse['status'];

const LOOKS = {
  active: { label: 'Active', color: 'green', Icon: IconCircleCheck, meaning: 'It worked last.' },
  untested: {
    label: 'Untested',
    color: 'gray',
    Icon: IconCircleDashed,
    meaning: 'It was never used. Test it.',
  },
  invalid: {
    label: 'Invalid',
    color: 'red',
    Icon: IconCircleX,
    meaning: 'The provider refused it. Replace the secret.',
  },
  rate_limited: {
    label: 'Rate-limited',
    color: 'yellow',
    Icon: IconClock,
    meaning: 'The provider asks to wait. It is tried again by itself.',
  },
  disabled: {
    label: 'Disabled',
    color: 'gray',
    Icon: IconPlayerPause,
    meaning: 'It is kept and not used.',
  },
  unreadable: {
    label: 'Unreadable',
    color: 'red',
    Icon: IconAlertTriangle,
    meaning: 'The stored key could not be opened. Save the secret again.',
  },
} as const satisfies Record<Status, unknown>;

/** How a key is, in words, in a colour and in a shape. */
export function KeyStatusBadge({ status }: { status: Status }) {
  const { label, color, Icon, meaning } = LOOKS[status];
  return (
    <Tooltip label={meaning}>
      <Badge
        variant="light"
        color={color}
        tt="none"
        miw="max-content"
        leftSection={<Icon size={14} aria-hidden />}
        tabIndex={0}
      >
        {label}
      </Badge>
    </Tooltip>
  );
}
