import { Button, Group, List, Stack, Text } from '@mantine/core';
import { useEffect, useEffectEvent, useState } from 'react';
import {
  apiKeyTestsControllerTest,
  type ProviderResponse,
  type SavedApiKeyResponse,
  type TestApiKeyResponse,
} from '../../client';
import { useWorkspaceId } from '../../app/workspace';
import { Dialog } from '../../elements/dialog';
import { ProblemAlert } from '../../elements/problem-alert';
import { useAction } from '../../elements/use-action';
import { AddKeyForm } from './add-key-form';
import { useRefreshKeys } from './api-keys-api';
import { TestResult } from './test-result';

interface AddKeyDialogProps {
  /** Those that take a key. */
  readonly providers: readonly ProviderResponse[];
  readonly initialProvider: ProviderResponse;
  readonly onClose: () => void;
}

/** Saves a key, then tests it: at once if it passed a test before it was saved, else when asked to. */
export function AddKeyDialog({ providers, initialProvider, onClose }: AddKeyDialogProps) {
  const [saved, setSaved] = useState<SavedApiKeyResponse | null>(null);
  const [isProved, setProved] = useState(false);
  return (
    <Dialog onClose={onClose} title={saved === null ? 'Add a key' : 'Key saved'}>
      {saved === null ? (
        <AddKeyForm
          providers={providers}
          initialProvider={initialProvider}
          onSaved={(key, hasPassed) => {
            setProved(hasPassed);
            setSaved(key);
          }}
          onClose={onClose}
        />
      ) : (
        <SavedKey saved={saved} testsAtOnce={isProved} onClose={onClose} />
      )}
    </Dialog>
  );
}

/** After saving: what looks wrong, and a test with the saved key. */
function SavedKey({
  saved,
  testsAtOnce,
  onClose,
}: {
  saved: SavedApiKeyResponse;
  testsAtOnce: boolean;
  onClose: () => void;
}) {
  const workspaceId = useWorkspaceId();
  const refresh = useRefreshKeys();
  const [result, setResult] = useState<TestApiKeyResponse | null>(null);
  const test = useAction(async () => {
    const { data } = await apiKeyTestsControllerTest({
      path: { workspaceId },
      body: { keyId: saved.id },
    });
    setResult(data);
    await refresh();
  });
  // Only a test of the saved key is recorded; without it, one that works would be listed as untested.
  const testOnOpening = useEffectEvent(() => {
    if (testsAtOnce) void test.run();
  });
  useEffect(() => {
    testOnOpening();
  }, []);
  return (
    <Stack>
      <Text className="wrap-anywhere">
        “{saved.label}” is saved and encrypted
        {saved.last4 !== '' && `; all that can be seen of it is …${saved.last4}`}.
      </Text>
      {saved.warnings.length > 0 && (
        <List size="sm">
          {saved.warnings.map((warning) => (
            <List.Item key={warning}>{warning}</List.Item>
          ))}
        </List>
      )}
      <TestResult result={result} />
      <ProblemAlert problem={test.problem} />
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose} data-autofocus={testsAtOnce || undefined}>
          Done
        </Button>
        <Button
          data-autofocus={!testsAtOnce || undefined}
          loading={test.isRunning}
          onClick={() => void test.run()}
        >
          Test it
        </Button>
      </Group>
    </Stack>
  );
}
