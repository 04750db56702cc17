import { Anchor, Badge, Button, Card, Code, Group, Stack, Text, Title } from '@mantine/core';
import { Link } from 'react-router';
import type { ExecutionResponse } from '../../client';
import { useWorkspaceId } from '../../app/workspace';
import { formatCount, formatDuration, formatUsd } from '../../elements/format';
import { ProblemAlert } from '../../elements/problem-alert';
import type { Problem } from '../../http/problem';
import { MORE_POINTERS, TARGET_POINTERS } from './playground-form';
import type { RunState } from './use-run';

interface RunResultProps {
  readonly state: RunState;
  readonly isRunning: boolean;
  readonly problem: Problem | null;
  readonly onStop: () => void;
}

/** The answer, as it comes and as it ended, and what it cost. */
export function RunResult({ state, isRunning, problem, onStop }: RunResultProps) {
  const workspaceId = useWorkspaceId();
  const { execution } = state;
  const text = execution?.output?.content ?? state.text;
  const failedId = problem?.executionId ?? null;
  return (
    <Card withBorder aria-busy={isRunning} component="section" aria-label="Answer">
      <Stack>
        <Group justify="space-between">
          <Title order={2} size="h4">
            Answer
          </Title>
          {isRunning && (
            <Button size="xs" color="red" onClick={onStop}>
              Stop
            </Button>
          )}
        </Group>
        <Code
          block
          tabIndex={0}
          role="region"
          aria-label="Text of the answer"
          mih={80}
          mah={420}
          style={{ whiteSpace: 'pre-wrap', overflow: 'auto' }}
        >
          {text === '' ? (isRunning ? '…' : ' ') : text}
        </Code>
        {callsOf(state).map((call) => (
          <Code block key={call}>
            {call}
          </Code>
        ))}
        <div role="status">{execution !== null && <Outcome execution={execution} />}</div>
        <ProblemAlert problem={problem} beside={[...TARGET_POINTERS, ...MORE_POINTERS]} />
        {failedId !== null && (
          <Anchor
            component={Link}
            underline="always"
            size="sm"
            to={`/workspaces/${workspaceId}/executions/${failedId}`}
          >
            What was tried
          </Anchor>
        )}
      </Stack>
    </Card>
  );
}

function Outcome({ execution }: { execution: ExecutionResponse }) {
  const workspaceId = useWorkspaceId();
  const { id, status, costUsd, usage, latencyMs } = execution;
  const facts = [
    costUsd === null ? 'Unpriced' : `Cost ${formatUsd(costUsd)}`,
    ...(usage === null
      ? []
      : [`${formatCount(usage.inputTokens)} tokens in, ${formatCount(usage.outputTokens)} out`]),
    formatDuration(latencyMs),
  ];
  return (
    <Group gap="xs">
      <Badge variant="light" color={status === 'completed' ? 'green' : 'gray'} tt="none">
        {status}
      </Badge>
      <Text size="sm">{facts.join(' · ')}</Text>
      <Anchor
        component={Link}
        underline="always"
        size="sm"
        to={`/workspaces/${workspaceId}/executions/${id}`}
      >
        Attempts and receipt
      </Anchor>
    </Group>
  );
}

function callsOf({ execution, calls }: RunState): string[] {
  if (execution === null) return calls === '' ? [] : [calls];
  return (execution.output?.toolCalls ?? []).map((call) => `${call.name}(${call.arguments})`);
}
