import { Text } from '@mantine/core';
import { type Permission, useMay, useWorkspace } from './workspace';

/** Says what is missing on a page and why. Nothing to whoever may do it. */
export function RoleNote({ needs, to }: { needs: Permission; to: string }) {
  const may = useMay(needs);
  const { data } = useWorkspace();
  if (may || data === undefined) return null;
  return (
    <Text size="sm" c="dimmed" role="note">
      Your token may not {to} in this workspace. Its role here is {data.role}.
    </Text>
  );
}
