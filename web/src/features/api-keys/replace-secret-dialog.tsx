import { Button, Group, Stack, Text } from '@mantine/core';
import { useRef } from 'react';
import {
  type ApiKeyResponse,
  apiKeysControllerReplaceSecret,
  type ProviderResponse,
} from '../../client';
import { useWorkspaceId } from '../../app/workspace';
import { Dialog } from '../../elements/dialog';
import { notifyDone } from '../../elements/notify';
import { ProblemAlert } from '../../elements/problem-alert';
import { useAction } from '../../elements/use-action';
import { useRefreshKeys } from './api-keys-api';
import { BaseUrlField, fieldOf, SecretField } from './key-form-fields';

interface ReplaceSecretDialogProps {
  readonly apiKey: ApiKeyResponse;
  readonly provider: ProviderResponse;
  readonly providers: readonly ProviderResponse[];
  readonly onClose: () => void;
}

/** A new secret under the same id: what was run with the key stays with it. */
export function ReplaceSecretDialog(props: ReplaceSecretDialogProps) {
  const { apiKey, provider, providers, onClose } = props;
  const workspaceId = useWorkspaceId();
  const refresh = useRefreshKeys();
  const secret = useRef<HTMLInputElement>(null);
  const replacement = useAction(async (form: HTMLFormElement) => {
    await apiKeysControllerReplaceSecret({
      path: { workspaceId, keyId: apiKey.id },
      body: {
        apiKey: secret.current?.value ?? '',
        baseUrl: fieldOf(form, 'baseUrl') ?? null,
      },
    });
    if (secret.current !== null) secret.current.value = '';
    await refresh();
    notifyDone(`“${apiKey.label}” has its new secret. Test it.`);
    onClose();
  });
  return (
    <Dialog onClose={onClose} title="Replace the secret">
      <form
        autoComplete="off"
        onSubmit={(event) => {
          event.preventDefault();
          void replacement.run(event.currentTarget);
        }}
      >
        <Stack>
          <Text size="sm" c="dimmed">
            The old secret of “{apiKey.label}” (…{apiKey.last4}) is gone from the next request on.
          </Text>
          <SecretField
            provider={provider}
            providers={providers}
            problem={replacement.problem}
            inputRef={secret}
          />
          <BaseUrlField
            provider={provider}
            problem={replacement.problem}
            initial={apiKey.baseUrl}
          />
          <ProblemAlert problem={replacement.problem} beside={['/apiKey', '/baseUrl']} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={replacement.isRunning}>
              Replace
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
