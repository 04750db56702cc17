import { Alert, Button, Code, Group, Stack, Text } from '@mantine/core';
import { CopyButton } from '../../elements/copy-button';
import { Dialog } from '../../elements/dialog';

interface ShownOnceProps {
  readonly title: string;
  readonly secret: string;
  /** What becomes of it, e.g. `It is stored as a digest`. */
  readonly fate: string;
  /** A ready text that uses it. */
  readonly snippet?: string;
  readonly onClose: () => void;
}

/** A secret that was just made. It is in this dialog only and gone when it closes. */
export function ShownOnce({ title, secret, fate, snippet, onClose }: ShownOnceProps) {
  return (
    <Dialog onClose={onClose} title={title} size="lg" closeOnClickOutside={false}>
      <Stack>
        <Alert color="yellow" role="status">
          Copy it now. {fate} and cannot be shown again.
        </Alert>
        <Code block data-testid="secret" className="wrap-anywhere">
          {secret}
        </Code>
        <Group>
          <CopyButton text={secret} label="Copy" />
        </Group>
        {snippet !== undefined && (
          <>
            <Text size="sm">Ready to paste into a shell:</Text>
            <Code block tabIndex={0} role="region" aria-label="Snippet" className="wrapped-code">
              {snippet}
            </Code>
            <Group>
              <CopyButton text={snippet} label="Copy the snippet" />
            </Group>
          </>
        )}
        <Group justify="flex-end">
          <Button data-autofocus onClick={onClose}>
            I have it
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
