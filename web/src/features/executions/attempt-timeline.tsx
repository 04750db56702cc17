import { Text, Timeline, Title } from '@mantine/core';
import {
  IconCheck,
  IconHourglass,
  IconPlayerPlay,
  IconQuestionMark,
  IconX,
} from '@tabler/icons-react';
import type { AttemptResponse, ExecutionResponse } from '../../client';
import { formatDateTime, formatDuration, formatUsd } from '../../elements/format';
import { isUnfinished } from './is-unfinished';

const LOOKS = {
  succeeded: { color: 'green', Icon: IconCheck, label: 'succeeded' },
  failed: { color: 'red', Icon: IconX, label: 'failed' },
  running: { color: 'blue', Icon: IconPlayerPlay, label: 'is running' },
  unknown: { color: 'gray', Icon: IconQuestionMark, label: 'no outcome is recorded' },
} as const;

/** The attempts in order, with the waits between them. */
export function AttemptTimeline({ execution }: { execution: ExecutionResponse }) {
  const { attempts } = execution;
  return (
    <section aria-label="Attempts">
      <Title order={2} size="h5" mb="sm">
        Attempts
      </Title>
      <Timeline bulletSize={24} lineWidth={2} active={attempts.length * 2}>
        {attempts.flatMap((attempt) => {
          const isRunning = isUnderWay(attempt, execution);
          const { color, Icon, label } = LOOKS[isRunning ? 'running' : attempt.status];
          const item = (
            <Timeline.Item
              key={attempt.number}
              color={color}
              bullet={<Icon size={14} aria-hidden />}
              title={`Attempt ${attempt.number} ${label}`}
            >
              <Text size="sm" c="dimmed" className="wrap-anywhere">
                {describe(attempt, isRunning)}
              </Text>
            </Timeline.Item>
          );
          if (attempt.waitMs === null) return [item];
          return [
            item,
            <Timeline.Item
              key={`${attempt.number} wait`}
              color="gray"
              lineVariant="dashed"
              bullet={<IconHourglass size={14} aria-hidden />}
              title={`Waited ${formatDuration(attempt.waitMs)}`}
            />,
          ];
        })}
      </Timeline>
    </section>
  );
}

/** Of the last attempt of what has not ended, no outcome is recorded because there is none yet. */
function isUnderWay({ number, status }: AttemptResponse, execution: ExecutionResponse): boolean {
  const isLast = number === execution.attempts.at(-1)?.number;
  return isLast && status === 'unknown' && isUnfinished(execution);
}

function describe(attempt: AttemptResponse, isRunning: boolean): string {
  return [
    `${attempt.provider}/${attempt.model}`,
    formatDateTime(attempt.startedAt),
    attempt.latencyMs === null ? null : formatDuration(attempt.latencyMs),
    attempt.errorCategory,
    attempt.upstreamStatus === null ? null : `HTTP ${attempt.upstreamStatus}`,
    attempt.upstreamCode,
    attempt.costUsd === null ? null : formatUsd(attempt.costUsd),
    attempt.billed === 'unknown' && !isRunning ? 'maybe billed' : null,
    attempt.providerRequestId === null ? null : `request ${attempt.providerRequestId}`,
  ]
    .filter((part) => part !== null)
    .join(' · ');
}
