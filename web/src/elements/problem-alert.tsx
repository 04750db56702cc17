import { Alert, List, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import type { Problem } from '../http/problem';

/** Why something failed and what to do, read out at once. Nothing without a problem. */
export function ProblemAlert({ problem }: { problem: Problem | null }) {
  if (problem === null) return null;
  return (
    <Alert color="red" role="alert" title={problem.title} icon={<IconAlertTriangle aria-hidden />}>
      <Text size="sm" className="wrap-anywhere">
        {problem.message}
      </Text>
      {problem.fields.length > 0 && (
        <List size="sm" mt={4}>
          {problem.fields.map(({ pointer, message }) => (
            <List.Item key={pointer + message}>
              {pointer.replace(/^[/?]/, '')}: {message}
            </List.Item>
          ))}
        </List>
      )}
      {problem.requestId !== null && (
        <Text size="xs" c="dimmed" mt={4}>
          Request {problem.requestId}
        </Text>
      )}
    </Alert>
  );
}
