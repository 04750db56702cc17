import { Button, Stack } from '@mantine/core';
import { useState } from 'react';
import {
  type ApiKeyResponse,
  apiKeyTestsControllerTest,
  type TestApiKeyResponse,
} from '../../client';
import { useWorkspaceId } from '../../app/workspace';
import { Dialog } from '../../elements/dialog';
import { ProblemAlert } from '../../elements/problem-alert';
import { useAction } from '../../elements/use-action';
import { useRefreshKeys } from './api-keys-api';
import { TestResult } from './test-result';

/** Tests a saved key and shows what the provider said. */
export function TestKeyButton({
  apiKey,
  isDisabled,
}: {
  apiKey: ApiKeyResponse;
  isDisabled: boolean;
}) {
  const workspaceId = useWorkspaceId();
  const refresh = useRefreshKeys();
  const [result, setResult] = useState<TestApiKeyResponse | null>(null);
  const test = useAction(async () => {
    const { data } = await apiKeyTestsControllerTest({
      path: { workspaceId },
      body: { keyId: apiKey.id },
    });
    setResult(data);
    await refresh();
  });
  const close = () => {
    setResult(null);
    test.reset();
  };
  return (
    <>
      <Button
        size="xs"
        variant="default"
        disabled={isDisabled}
        loading={test.isRunning}
        aria-label={`Test ${apiKey.label}`}
        onClick={() => void test.run()}
      >
        Test
      </Button>
      {(result !== null || test.problem !== null) && (
        <Dialog onClose={close} title={`Test of “${apiKey.label}”`}>
          <Stack>
            <TestResult result={result} />
            <ProblemAlert problem={test.problem} />
            <Button variant="default" onClick={close} data-autofocus>
              Done
            </Button>
          </Stack>
        </Dialog>
      )}
    </>
  );
}
