import { Alert, Button, List, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import type { Problem } from '../http/problem';
import { useAction } from './use-action';

interface ProblemAlertProps {
  readonly problem: Problem | null;
  /** Pointers of the fields that say beside themselves what is wrong with them. */
  readonly beside?: readonly string[];
  /** Tries again what failed, where a page can. */
  readonly onRetry?: () => Promise<unknown>;
}

/**
 * Why something failed and what to do, read out at once and told once: nothing without a problem, and nothing when
 * the fields say it all.
 */
export function ProblemAlert({ problem, beside = [], onRetry }: ProblemAlertProps) {
  if (problem === null) return null;
  const isToldOfField = problem.fields.some(({ message }) => message === problem.explanation);
  const fields = problem.fields.filter(({ pointer }) => !beside.includes(pointer));
  const hasWords = problem.explanation !== '' && !isToldOfField;
  if (problem.fields.length > 0 && fields.length === 0 && !hasWords) return null;
  return (
    <Alert color="red" role="alert" title={problem.title} icon={<IconAlertTriangle aria-hidden />}>
      {hasWords && (
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
      {onRetry !== undefined && <RetryButton onRetry={onRetry} />}
    </Alert>
  );
}

function RetryButton({ onRetry }: Required<Pick<ProblemAlertProps, 'onRetry'>>) {
  const retry = useAction(onRetry);
  return (
    <Button
      size="xs"
      variant="default"
      mt="sm"
      loading={retry.isRunning}
      onClick={() => void retry.run()}
    >
      Try again
    </Button>
  );
}

/** E.g. `from: must be a date`; a message that begins with the name does not get it twice. */
function fieldError(name: string, message: string): string {
  return message.startsWith(`${name} `) ? message : `${name}: ${message}`;
}
