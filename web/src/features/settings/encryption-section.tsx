import { Button, Card, Code, Group, Skeleton, Stack, Text, Title } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type DataKeyResponse, dataKeysControllerGet } from '../../client';
import { client } from '../../client/client.gen';
import { useMay, useWorkspaceId } from '../../app/workspace';
import { Dialog } from '../../elements/dialog';
import { formatAge, formatDateTime } from '../../elements/format';
import { notifyDone } from '../../elements/notify';
import { ProblemAlert } from '../../elements/problem-alert';
import { useAction } from '../../elements/use-action';
import { toProblem } from '../../http/problem';
import { RootKeysCard } from './root-keys-card';

/** The key that encrypts the secrets of this workspace, and a new one. */
export function EncryptionSection() {
  const workspaceId = useWorkspaceId();
  const mayRotate = useMay('data-keys:rotate');
  const [isAsking, setAsking] = useState(false);
  const dataKey = useQuery({
    queryKey: ['data-key', workspaceId],
    queryFn: async () => (await dataKeysControllerGet({ path: { workspaceId } })).data,
  });
  return (
    <Stack maw={720}>
      <ProblemAlert
        problem={dataKey.error === null ? null : toProblem(dataKey.error)}
        onRetry={dataKey.refetch}
      />
      {dataKey.isPending && <Skeleton h={160} />}
      {dataKey.data !== undefined && (
        <Card withBorder>
          <Title order={2} size="h4" mb="xs">
            Data key
          </Title>
          <Facts dataKey={dataKey.data} />
          {mayRotate && (
            <Button
              mt="md"
              w="fit-content"
              variant="default"
              onClick={() => {
                setAsking(true);
              }}
            >
              Replace the data key…
            </Button>
          )}
        </Card>
      )}
      <RootKeysCard />
      {isAsking && (
        <Rotation
          onClose={() => {
            setAsking(false);
          }}
        />
      )}
    </Stack>
  );
}

function Facts({ dataKey }: { dataKey: DataKeyResponse }) {
  return (
    <Stack gap={4}>
      <Text size="sm">
        Made {formatAge(dataKey.createdAt)}, on {formatDateTime(dataKey.createdAt)}.
      </Text>
      <Text size="sm">
        It encrypts every secret of this workspace and is itself protected by the root key{' '}
        <Code>{dataKey.rootKeyId}</Code>.
      </Text>
    </Stack>
  );
}

function Rotation({ onClose }: { onClose: () => void }) {
  const workspaceId = useWorkspaceId();
  const queries = useQueryClient();
  const rotation = useAction(async () => {
    const { data } = await client.post<Record<200, { resealedSecrets: number }>, unknown, true>({
      url: '/api/workspaces/{workspaceId}/data-key/rotate',
      path: { workspaceId },
      body: {},
    });
    await queries.invalidateQueries({ queryKey: ['data-key'] });
    notifyDone(`The data key is new; secrets sealed again: ${data.resealedSecrets}.`);
    onClose();
  });
  return (
    <Dialog onClose={onClose} title="Replace the data key?">
      <Stack>
        <Text size="sm">
          Every saved secret is sealed again with a new data key and the old one is destroyed.
          Executions go on meanwhile.
        </Text>
        <ProblemAlert problem={rotation.problem} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            Cancel
          </Button>
          <Button loading={rotation.isRunning} onClick={() => void rotation.run()}>
            Replace
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
