import { Button, Modal, Stack } from '@mantine/core';
import type { Problem } from '../http/problem';
import { ProblemAlert } from './problem-alert';

/** Why something failed that has no place of its own on the page. */
export function ProblemModal({
  problem,
  onClose,
}: {
  problem: Problem | null;
  onClose: () => void;
}) {
  return (
    <Modal
      opened={problem !== null}
      onClose={onClose}
      title="That did not work"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack>
        <ProblemAlert problem={problem} />
        <Button variant="default" onClick={onClose} data-autofocus>
          Close
        </Button>
      </Stack>
    </Modal>
  );
}
