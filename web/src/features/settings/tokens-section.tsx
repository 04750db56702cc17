import { Badge, Button, Code, Group, Skeleton, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { type AccessTokenResponse, accessTokensControllerRevoke } from '../../client';
import { useSession } from '../../app/session';
import { RoleNote } from '../../app/role-note';
import { useMay, useWorkspaceId } from '../../app/workspace';
import { Age } from '../../elements/age';
import { ConfirmDeletion } from '../../elements/confirm-deletion';
import { ACTIONS, DataCell, DataRow, DataTable, RowHeader } from '../../elements/data-table';
import { notifyDone } from '../../elements/notify';
import { ProblemAlert } from '../../elements/problem-alert';
import { toProblem } from '../../http/problem';
import { CreateTokenDialog } from './create-token-dialog';
import { RotateTokenDialog } from './rotate-token-dialog';
import { ShownOnce } from './shown-once';
import { tokenSnippet, useRefreshTokens, useTokens } from './tokens-api';

const ROLE = { label: 'Role' };
const ONLY = { label: 'Only' };
const EXPIRES = { label: 'Expires' };
const USED = { label: 'Last used' };
const COLUMNS = [{ label: 'Token' }, ROLE, ONLY, EXPIRES, USED, ACTIONS];

type DialogState =
  | { readonly name: 'create' }
  | { readonly name: 'rotate' | 'revoke'; readonly token: AccessTokenResponse }
  | { readonly name: 'secret'; readonly secret: string }
  | null;

/** Who and what may use this workspace. */
export function TokensSection() {
  const tokens = useTokens();
  const mayWrite = useMay('tokens:write');
  const [dialog, setDialog] = useState<DialogState>(null);
  return (
    <Stack>
      <Group justify="space-between">
        <Text c="dimmed">For agents, applications and people. A secret is shown once.</Text>
        {mayWrite && (
          <Button
            onClick={() => {
              setDialog({ name: 'create' });
            }}
          >
            New token
          </Button>
        )}
      </Group>
      <RoleNote needs="tokens:write" to="make or revoke tokens" />
      <ProblemAlert
        problem={tokens.error === null ? null : toProblem(tokens.error)}
        onRetry={tokens.refetch}
      />
      {tokens.isPending && <Skeleton h={160} />}
      {tokens.data !== undefined && <TokenTable tokens={tokens.data} open={setDialog} />}
      <TokenDialog state={dialog} setState={setDialog} />
    </Stack>
  );
}

function TokenTable({
  tokens,
  open,
}: {
  tokens: readonly AccessTokenResponse[];
  open: (state: DialogState) => void;
}) {
  const { session } = useSession();
  const mayWrite = useMay('tokens:write');
  return (
    <DataTable label="Tokens" columns={mayWrite ? COLUMNS : COLUMNS.slice(0, -1)}>
      {tokens.map((token) => (
        <DataRow key={token.id}>
          <RowHeader>
            <Text size="sm" fw={600}>
              {token.name} {token.id === session.tokenId && <Badge tt="none">this one</Badge>}
            </Text>
            <Code>…{token.last4}</Code>
          </RowHeader>
          <DataCell column={ROLE}>{token.role}</DataCell>
          <DataCell column={ONLY}>{limitsOf(token)}</DataCell>
          <DataCell column={EXPIRES}>
            <Age time={token.expiresAt} />
          </DataCell>
          <DataCell column={USED}>
            <Age time={token.lastUsedAt} />
          </DataCell>
          {mayWrite && (
            <DataCell column={ACTIONS}>
              <TokenActions token={token} open={open} />
            </DataCell>
          )}
        </DataRow>
      ))}
    </DataTable>
  );
}

function TokenActions({
  token,
  open,
}: {
  token: AccessTokenResponse;
  open: (state: DialogState) => void;
}) {
  return (
    <Group gap="xs" wrap="nowrap">
      {(['rotate', 'revoke'] as const).map((name) => (
        <Button
          key={name}
          size="xs"
          variant="default"
          aria-label={`${name === 'rotate' ? 'Rotate' : 'Revoke'} ${token.name}`}
          onClick={() => {
            open({ name, token });
          }}
        >
          {name === 'rotate' ? 'Rotate' : 'Revoke'}
        </Button>
      ))}
    </Group>
  );
}

function TokenDialog({
  state,
  setState,
}: {
  state: DialogState;
  setState: (state: DialogState) => void;
}) {
  const workspaceId = useWorkspaceId();
  const refresh = useRefreshTokens();
  const close = () => {
    setState(null);
  };
  const show = (secret: string) => {
    setState({ name: 'secret', secret });
  };
  if (state === null) return null;
  if (state.name === 'create') return <CreateTokenDialog onCreated={show} onClose={close} />;
  if (state.name === 'secret') {
    const snippet = tokenSnippet(workspaceId, state.secret);
    return (
      <ShownOnce
        title="The token"
        secret={state.secret}
        fate="It is stored as a digest"
        snippet={snippet}
        onClose={close}
      />
    );
  }
  const { token } = state;
  if (state.name === 'rotate') {
    return <RotateTokenDialog token={token} onRotated={show} onClose={close} />;
  }
  const revoke = async () => {
    await accessTokensControllerRevoke({ path: { workspaceId, tokenId: token.id } });
    await refresh();
    notifyDone(`“${token.name}” is revoked.`);
  };
  return (
    <ConfirmDeletion
      title="Revoke this token?"
      verb="Revoke"
      name={token.name}
      onConfirm={revoke}
      onClose={close}
    >
      <Text size="sm">It is refused from the next request on, on every node, for good.</Text>
    </ConfirmDeletion>
  );
}

function limitsOf({ scopes, agentId }: AccessTokenResponse): string {
  const limits = [
    ...(agentId === null ? [] : [`agent ${agentId}`]),
    ...(scopes === null ? [] : scopes),
  ];
  return limits.length === 0 ? '–' : limits.join(', ');
}
