import { Group, Stack, Text, Title } from '@mantine/core';
import { type PropsWithChildren, type ReactNode, useEffect } from 'react';

interface PageProps {
  readonly title: string;
  readonly lead?: ReactNode;
  readonly actions?: ReactNode;
}

/** One page: its heading, what it is for, and what can be done. */
export function Page({ title, lead, actions, children }: PropsWithChildren<PageProps>) {
  useEffect(() => {
    document.title = `${title} – Keyrun`;
  }, [title]);
  return (
    <Stack gap="lg">
      <Group justify="space-between" align="flex-start">
        <div>
          <Title order={1} size="h2">
            {title}
          </Title>
          {lead !== undefined && (
            <Text c="dimmed" maw={720}>
              {lead}
            </Text>
          )}
        </div>
        {actions}
      </Group>
      {children}
    </Stack>
  );
}
