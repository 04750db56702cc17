import { Button, Stack } from '@mantine/core';
import type { Problem } from '../http/problem';
import { Dialog } from './dialog';
import { ProblemAlert } from './problem-alert';

/** Why something failed that has no place of its own on the page. */
export function ProblemModal({
  problem,
  onClose,
}: {
  problem: Problem | null;
  onClose: () => void;
}) {
  if (problem === null) return null;
  return (
    <Dialog onClose={onClose} title="That did not work">
      <Stack>
        <ProblemAlert problem={problem} />
        <Button variant="default" onClick={onClose} data-autofocus>
          Close
        </Button>
      </Stack>
    </Dialog>
  );
}
