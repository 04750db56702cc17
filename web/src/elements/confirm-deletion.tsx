import { Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { type PropsWithChildren, useState } from 'react';
import { Dialog } from './dialog';
import { ProblemAlert } from './problem-alert';
import { useAction } from './use-action';

interface ConfirmDeletionProps {
  readonly title: string;
  /** What must be typed, so that nobody deletes the wrong thing. */
  readonly name: string;
  readonly verb?: string;
  readonly onConfirm: () => Promise<unknown>;
  readonly onClose: () => void;
}

/** Asks for the name of what is to be deleted. Children say what that means. */
export function ConfirmDeletion(props: PropsWithChildren<ConfirmDeletionProps>) {
  const { title, name, verb = 'Delete', onConfirm, onClose, children } = props;
  const [typed, setTyped] = useState('');
  const deletion = useAction(onConfirm);
  const confirm = async () => {
    if (await deletion.run()) onClose();
  };
  return (
    <Dialog onClose={onClose} title={title}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (typed === name) void confirm();
        }}
      >
        <Stack>
          {children}
          <TextInput
            data-autofocus
            label={
              <>
                Type{' '}
                <Text span fw={700} className="wrap-anywhere">
                  {name}
                </Text>{' '}
                to confirm
              </>
            }
            value={typed}
            autoComplete="off"
            onChange={(event) => {
              setTyped(event.currentTarget.value);
            }}
          />
          <ProblemAlert problem={deletion.problem} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button
              type="submit"
              color="red"
              loading={deletion.isRunning}
              disabled={typed !== name}
            >
              {verb}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
