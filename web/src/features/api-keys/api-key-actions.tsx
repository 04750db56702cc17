import { ActionIcon, Group, Menu, Text } from '@mantine/core';
import { IconDots } from '@tabler/icons-react';
import { useState } from 'react';
import {
  type ApiKeyResponse,
  apiKeysControllerDelete,
  apiKeysControllerUpdate,
  type ProviderResponse,
} from '../../client';
import { useMay, useWorkspaceId } from '../../app/workspace';
import { ConfirmDeletion } from '../../elements/confirm-deletion';
import { formatCount, formatUsd } from '../../elements/format';
import { notifyDone } from '../../elements/notify';
import { ProblemModal } from '../../elements/problem-modal';
import { useAction } from '../../elements/use-action';
import type { UsageRow } from '../../http/usage';
import { useRefreshKeys } from './api-keys-api';
import { RenameKeyDialog } from './rename-key-dialog';
import { ReplaceSecretDialog } from './replace-secret-dialog';
import { TestKeyButton } from './test-key-button';

interface ApiKeyActionsProps {
  readonly apiKey: ApiKeyResponse;
  readonly providers: readonly ProviderResponse[];
  /** What it was used for in 30 days; undefined: not known, or nothing. */
  readonly usage: UsageRow | undefined;
}

type DialogName = 'replace' | 'rename' | 'delete';

/** What can be done with one key. */
export function ApiKeyActions({ apiKey, providers, usage }: ApiKeyActionsProps) {
  const workspaceId = useWorkspaceId();
  const refresh = useRefreshKeys();
  const mayWrite = useMay('api-keys:write');
  const mayTest = useMay('api-keys:test');
  const [dialog, setDialog] = useState<DialogName | null>(null);
  const toggle = useAction(async () => {
    await apiKeysControllerUpdate({
      path: { workspaceId, keyId: apiKey.id },
      body: { enabled: !apiKey.enabled },
    });
    await refresh();
    notifyDone(`“${apiKey.label}” is ${apiKey.enabled ? 'disabled' : 'enabled'}.`);
  });
  return (
    <Group gap="xs" wrap="nowrap">
      <TestKeyButton apiKey={apiKey} isDisabled={!mayTest || !apiKey.enabled} />
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon
            variant="default"
            size="md"
            aria-label={`More for ${apiKey.label}`}
            disabled={!mayWrite}
            loading={toggle.isRunning}
          >
            <IconDots size={16} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => void toggle.run()}>
            {apiKey.enabled ? 'Disable' : 'Enable'}
          </Menu.Item>
          <Choice label="Label and priority…" name="rename" choose={setDialog} />
          <Choice label="Replace the secret…" name="replace" choose={setDialog} />
          <Menu.Divider />
          <Choice label="Delete…" name="delete" choose={setDialog} isDanger />
        </Menu.Dropdown>
      </Menu>
      <ProblemModal problem={toggle.problem} onClose={toggle.reset} />
      <KeyDialog
        name={dialog}
        {...{ apiKey, providers, usage }}
        onClose={() => {
          setDialog(null);
        }}
      />
    </Group>
  );
}

function Choice({
  label,
  name,
  choose,
  isDanger = false,
}: {
  label: string;
  name: DialogName;
  choose: (name: DialogName) => void;
  isDanger?: boolean;
}) {
  return (
    <Menu.Item
      c={isDanger ? 'var(--mantine-color-error)' : undefined}
      onClick={() => {
        choose(name);
      }}
    >
      {label}
    </Menu.Item>
  );
}

function KeyDialog({
  name,
  apiKey,
  providers,
  usage,
  onClose,
}: ApiKeyActionsProps & { name: DialogName | null; onClose: () => void }) {
  const workspaceId = useWorkspaceId();
  const refresh = useRefreshKeys();
  const provider = providers.find(({ id }) => id === apiKey.provider);
  if (name === 'rename') return <RenameKeyDialog apiKey={apiKey} onClose={onClose} />;
  if (name === 'replace' && provider !== undefined) {
    return <ReplaceSecretDialog {...{ apiKey, provider, providers, onClose }} />;
  }
  if (name !== 'delete') return null;
  const remove = async () => {
    await apiKeysControllerDelete({ path: { workspaceId, keyId: apiKey.id } });
    await refresh();
    notifyDone(`“${apiKey.label}” is deleted.`);
  };
  return (
    <ConfirmDeletion
      title="Delete this key?"
      name={apiKey.label}
      onConfirm={remove}
      onClose={onClose}
    >
      <Text size="sm">
        {usedFor(usage)} What it ran stays in the list of executions. Its ciphertext is removed at
        once and cannot come back; disabling keeps it.
      </Text>
    </ConfirmDeletion>
  );
}

function usedFor(usage: UsageRow | undefined): string {
  if (usage === undefined) return 'No use in the last 30 days is known.';
  const runs =
    usage.executions === 1 ? '1 execution' : `${formatCount(usage.executions)} executions`;
  return `Used by ${runs} in the last 30 days, ${formatUsd(usage.costUsd)} in all.`;
}
