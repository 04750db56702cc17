import { Alert, List, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import type { Problem } from '../http/problem';

interface ProblemAlertProps {
  readonly problem: Problem | null;
  /** Pointers of the fields that say beside themselves what is wrong with them. */
  readonly beside?: readonly string[];
}

/** Why something failed and what to do, read out at once and told once. Nothing without a problem. */
export function ProblemAlert({ problem, beside = [] }: ProblemAlertProps) {
  if (problem === null) return null;
  const isToldOfField = problem.fields.some(({ message }) => message === problem.explanation);
  const fields = problem.fields.filter(({ pointer }) => !beside.includes(pointer));
  return (
    <Alert color="red" role="alert" title={problem.title} icon={<IconAlertTriangle aria-hidden />}>
      {problem.explanation !== '' && !isToldOfField && (
        <Text size="sm" className="wrap-anywhere">
          {problem.explanation}
        </Text>
      )}
      {fields.length > 0 && (
        <List size="sm" mt={4}>
          {fields.map(({ pointer, message }) => (
            <List.Item key={pointer + message}>
              {fieldError(pointer.replace(/^[/?]/, ''), message)}
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

/** E.g. `from: must be a date`; a message that begins with the name does not get it twice. */
function fieldError(name: string, message: string): string {
  return message.startsWith(`${name} `) ? message : `${name}: ${message}`;
}
