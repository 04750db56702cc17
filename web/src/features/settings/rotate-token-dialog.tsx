import { Button, Group, Select, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { type AccessTokenResponse, accessTokensControllerRotate } from '../../client';
import { useWorkspaceId } from '../../app/workspace';
import { Dialog } from '../../elements/dialog';
import { ProblemAlert } from '../../elements/problem-alert';
import { useAction } from '../../elements/use-action';
import { useRefreshTokens } from './tokens-api';

const OVERLAPS = [
  { value: '0', label: 'Not at all' },
  { value: '3600', label: 'An hour' },
  { value: '86400', label: 'A day' },
  { value: '604800', label: 'A week' },
];

interface RotateTokenDialogProps {
  readonly token: AccessTokenResponse;
  readonly onRotated: (token: string) => void;
  readonly onClose: () => void;
}

export function RotateTokenDialog({ token, onRotated, onClose }: RotateTokenDialogProps) {
  const workspaceId = useWorkspaceId();
  const refresh = useRefreshTokens();
  const [overlap, setOverlap] = useState('3600');
  const rotation = useAction(async () => {
    const { data } = await accessTokensControllerRotate({
      path: { workspaceId, tokenId: token.id },
      body: { overlapSeconds: Number(overlap) },
    });
    await refresh();
    onClose();
    onRotated(data.token);
  });
  return (
    <Dialog onClose={onClose} title="A new secret for this token">
      <Stack>
        <Text size="sm" className="wrap-anywhere">
          “{token.name}” keeps its id, role and expiry. Whoever is signed in with it signs in again.
        </Text>
        <Select
          label="The old secret still works for"
          allowDeselect={false}
          data={OVERLAPS}
          value={overlap}
          error={rotation.problem?.of('/overlapSeconds')}
          onChange={(value) => {
            if (value !== null) setOverlap(value);
          }}
        />
        <ProblemAlert problem={rotation.problem} beside={['/overlapSeconds']} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button loading={rotation.isRunning} onClick={() => void rotation.run()}>
            Rotate
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
