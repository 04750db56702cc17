import { Badge, Card, Code, Progress, Skeleton, Stack, Table, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type RootKeyResponse, type RootKeysResponse, rootKeysControllerGet } from '../../client';
import { useWorkspaceId } from '../../app/workspace';
import { formatCount } from '../../elements/format';
import { ProblemAlert } from '../../elements/problem-alert';
import { toProblem } from '../../http/problem';

/** While data keys are moved, and otherwise, in case that begins. */
const POLL_MS = { moving: 2_000, still: 30_000 };

/** How far a change of the root key is, as it goes on. Only the operator of the server changes it. */
export function RootKeysCard() {
  const workspaceId = useWorkspaceId();
  const { data, error, refetch } = useQuery({
    queryKey: ['root-keys', workspaceId],
    queryFn: async () => (await rootKeysControllerGet({ path: { workspaceId } })).data,
    refetchInterval: ({ state }) =>
      (state.data?.dataKeysLeft ?? 0) > 0 ? POLL_MS.moving : POLL_MS.still,
  });
  if (error !== null) return <ProblemAlert problem={toProblem(error)} onRetry={refetch} />;
  if (data === undefined) return <Skeleton h={160} />;
  return (
    <Card withBorder component="section" aria-label="Root keys">
      <Stack gap="sm">
        <Title order={2} size="h4">
          Root keys
        </Title>
        <Text size="sm" c="dimmed">
          They protect the data keys of all workspaces of this server. Its operator changes them on
          the command line; here is how far that is.
        </Text>
        <RotationProgress state={data} />
        <RootKeyTable rootKeys={data.rootKeys} />
        <NextStep state={data} />
      </Stack>
    </Card>
  );
}

function RotationProgress({ state: { dataKeys, dataKeysLeft } }: { state: RootKeysResponse }) {
  // Never 100 before the last one.
  const percent = dataKeys === 0 ? 100 : Math.floor(((dataKeys - dataKeysLeft) * 100) / dataKeys);
  return (
    <Stack gap={6}>
      <Text size="sm" fw={600}>
        {dataKeysLeft === 0
          ? `All ${counted(dataKeys)} under the active root key.`
          : `${counted(dataKeysLeft)} still under an older root key: ${percent} % done.`}
      </Text>
      <Progress.Root size="lg">
        <Progress.Section
          value={percent}
          color={dataKeysLeft === 0 ? 'green' : undefined}
          aria-label="Data keys under the active root key"
        />
      </Progress.Root>
    </Stack>
  );
}

function RootKeyTable({ rootKeys }: { rootKeys: readonly RootKeyResponse[] }) {
  return (
    <Table aria-label="List of root keys" horizontalSpacing={6}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Root key</Table.Th>
          <Table.Th>State</Table.Th>
          <Table.Th ta="right">Data keys</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rootKeys.map((rootKey) => (
          <Table.Tr key={rootKey.id}>
            <Table.Th scope="row">
              <Code>{rootKey.id}</Code>
            </Table.Th>
            <Table.Td>
              <StateBadge rootKey={rootKey} />
            </Table.Td>
            <Table.Td ta="right">{formatCount(rootKey.dataKeys)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function StateBadge({ rootKey }: { rootKey: RootKeyResponse }) {
  const [label, color] = stateOf(rootKey);
  return (
    <Badge variant="light" color={color} tt="none" miw="max-content">
      {label}
    </Badge>
  );
}

function stateOf({
  active,
  configured,
  retirable,
}: RootKeyResponse): [label: string, color: string] {
  if (active) return ['Active', 'green'];
  if (retirable) return ['Can be retired', 'gray'];
  return configured ? ['Still needed', 'yellow'] : ['Missing here', 'red'];
}

function NextStep({ state: { rootKeys, dataKeysLeft } }: { state: RootKeysResponse }) {
  const missing = rootKeys.find(({ configured }) => !configured);
  const retirable = rootKeys.find((rootKey) => rootKey.retirable);
  if (missing !== undefined) {
    return (
      <Text size="sm">
        This server does not have the root key <Code>{missing.id}</Code>, so what it protects cannot
        be opened. Add it to <Code>KEYRUN_PREVIOUS_ROOT_KEYS</Code>.
      </Text>
    );
  }
  if (dataKeysLeft > 0) {
    return (
      <Text size="sm">
        Data keys move as they are used, all others with <Code>npm run keyrun -- keys rewrap</Code>.
      </Text>
    );
  }
  if (retirable === undefined) return null;
  return (
    <Text size="sm">
      Nothing needs <Code>{retirable.id}</Code> any more. Take it away with{' '}
      <Code>npm run keyrun -- keys retire {retirable.id}</Code>, and keep it as long as the backups
      from before.
    </Text>
  );
}

function counted(dataKeys: number): string {
  return dataKeys === 1 ? '1 data key is' : `${formatCount(dataKeys)} data keys are`;
}
