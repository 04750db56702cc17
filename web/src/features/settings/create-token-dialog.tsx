import { Button, Group, MultiSelect, Select, Stack, TextInput } from '@mantine/core';
import { useState } from 'react';
import { accessTokensControllerCreate, type CreateAccessTokenDto } from '../../client';
import { useSession } from '../../app/session';
import { useWorkspace, useWorkspaceId } from '../../app/workspace';
import { Dialog } from '../../elements/dialog';
import { ProblemAlert } from '../../elements/problem-alert';
import { useAction } from '../../elements/use-action';
import type { Problem } from '../../http/problem';
import { useRefreshTokens } from './tokens-api';

const ROLES = [
  { value: 'viewer', label: 'Viewer: reads' },
  { value: 'developer', label: 'Developer: reads and runs' },
  { value: 'admin', label: 'Admin: also keys and tokens' },
  { value: 'owner', label: 'Owner: everything' },
];
const LIFETIMES = [
  { value: '1', label: 'A day' },
  { value: '7', label: 'A week' },
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: 'A year' },
];
/** Each says beside itself what is wrong with it. */
const FIELDS = ['/name', '/role', '/scopes', '/agentId', '/expiresAt'];
const DAY_MS = 86_400_000;
/** The server counts the year from when the request arrives. */
const MARGIN_MS = 60_000;

interface CreateTokenDialogProps {
  readonly onCreated: (token: string) => void;
  readonly onClose: () => void;
}

interface Draft {
  readonly name: string;
  readonly role: CreateAccessTokenDto['role'];
  readonly scopes: readonly string[];
  readonly agentId: string;
  readonly days: string;
}

export function CreateTokenDialog({ onCreated, onClose }: CreateTokenDialogProps) {
  const workspaceId = useWorkspaceId();
  const refresh = useRefreshTokens();
  const { session } = useSession();
  const [draft, setDraft] = useState<Draft>({
    name: '',
    role: 'developer',
    scopes: [],
    agentId: session.agentId ?? '',
    days: '90',
  });
  const creation = useAction(async () => {
    const { data } = await accessTokensControllerCreate({
      path: { workspaceId },
      body: toBody(draft),
    });
    await refresh();
    onClose();
    onCreated(data.token);
  });
  const change = (part: Partial<Draft>) => {
    setDraft((current) => ({ ...current, ...part }));
  };
  return (
    <Dialog onClose={onClose} title="New token">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void creation.run();
        }}
      >
        <Stack>
          <TokenFields draft={draft} change={change} problem={creation.problem} />
          <ProblemAlert problem={creation.problem} beside={FIELDS} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={creation.isRunning}>
              Create
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}

interface TokenFieldsProps {
  readonly draft: Draft;
  readonly change: (part: Partial<Draft>) => void;
  readonly problem: Problem | null;
}

function TokenFields({ draft, change, problem }: TokenFieldsProps) {
  const { data: workspace } = useWorkspace();
  const permissions = workspace?.permissions ?? [];
  const ownRank = ROLES.findIndex(({ value }) => value === workspace?.role);
  return (
    <>
      <TextInput
        data-autofocus
        label="What is it for?"
        required
        maxLength={100}
        value={draft.name}
        error={problem?.of('/name')}
        onChange={(event) => {
          change({ name: event.currentTarget.value });
        }}
      />
      <Select
        label="Role"
        allowDeselect={false}
        data={ROLES.slice(0, ownRank + 1)}
        value={draft.role}
        error={problem?.of('/role')}
        onChange={(role) => {
          change({ role: (role ?? draft.role) as Draft['role'] });
        }}
      />
      <MultiSelect
        label="Only these permissions"
        description="None chosen: all that the role has."
        data={permissions}
        value={[...draft.scopes]}
        error={problem?.of('/scopes')}
        onChange={(scopes) => {
          change({ scopes });
        }}
        searchable
      />
      <TextInput
        label="Only this agent"
        description="Empty: any."
        maxLength={200}
        value={draft.agentId}
        error={problem?.of('/agentId')}
        onChange={(event) => {
          change({ agentId: event.currentTarget.value });
        }}
      />
      <Select
        label="Works for"
        allowDeselect={false}
        data={LIFETIMES}
        value={draft.days}
        error={problem?.of('/expiresAt')}
        onChange={(days) => {
          change({ days: days ?? draft.days });
        }}
      />
    </>
  );
}

function toBody({ name, role, scopes, agentId, days }: Draft): CreateAccessTokenDto {
  return {
    name,
    role,
    expiresAt: new Date(Date.now() + Number(days) * DAY_MS - MARGIN_MS).toISOString(),
    ...(scopes.length === 0 ? {} : { scopes: [...scopes] as CreateAccessTokenDto['scopes'] }),
    ...(agentId.trim() === '' ? {} : { agentId }),
  };
}
