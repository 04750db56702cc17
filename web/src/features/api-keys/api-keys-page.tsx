import { Card, Group, Skeleton, Stack, Text, Title } from '@mantine/core';
import { useState } from 'react';
import type { ProviderResponse } from '../../client';
import { useMay } from '../../app/workspace';
import { EchoDemo } from '../../app/echo-demo';
import { RoleNote } from '../../app/role-note';
import { Page } from '../../elements/page';
import { ProblemAlert } from '../../elements/problem-alert';
import { toProblem } from '../../http/problem';
import { AddKeyDialog } from './add-key-dialog';
import { ApiKeyTable } from './api-key-table';
import { useApiKeys, useKeyUsage, useProviders } from './api-keys-api';
import { ProviderCards } from './provider-cards';

/** The provider keys of a workspace: which there are, how they are, and everything that is done with them. */
export function ApiKeyManager() {
  const providers = useProviders();
  const keys = useApiKeys();
  const usage = useKeyUsage();
  const mayAdd = useMay('api-keys:write');
  const [adding, setAdding] = useState<ProviderResponse | null>(null);
  const withKey = (providers.data ?? []).filter(({ requiresKey }) => requiresKey);
  const failure = keys.error ?? providers.error;
  const isEmpty = keys.data?.length === 0;
  return (
    <Page
      title="Keys"
      lead="Your own keys of AI providers. Stored encrypted; executions are paid with them and with no others."
    >
      <ProblemAlert
        problem={failure === null ? null : toProblem(failure)}
        onRetry={async () => Promise.all([keys.refetch(), providers.refetch()])}
      />
      <RoleNote needs="api-keys:write" to="add or change keys" />
      {isEmpty && <FirstSteps />}
      {providers.isPending && <Skeleton h={120} />}
      {providers.data !== undefined && (
        <section aria-label="Providers">
          <ProviderCards
            providers={providers.data}
            keys={keys.data ?? []}
            mayAdd={mayAdd}
            onAdd={setAdding}
          />
        </section>
      )}
      {keys.data !== undefined && !isEmpty && (
        <Stack gap="xs">
          <Title order={2} size="h4">
            Saved keys
          </Title>
          <ApiKeyTable keys={keys.data} providers={providers.data ?? []} usage={usage} />
        </Stack>
      )}
      {adding !== null && (
        <AddKeyDialog
          providers={withKey}
          initialProvider={adding}
          onClose={() => {
            setAdding(null);
          }}
        />
      )}
    </Page>
  );
}

/** What to do on the first visit. */
function FirstSteps() {
  const mayRun = useMay('executions:run');
  if (!mayRun) return null;
  return (
    <Card withBorder>
      <Title order={2} size="h4">
        Start here
      </Title>
      <Text mt={4} mb="sm">
        See an execution from start to bill right now: the built-in echo provider needs no key and
        sends nothing to anybody. Its prices are made up, and Usage shows them as such. Then add the
        key of your provider below and run the same on it.
      </Text>
      <Group>
        <EchoDemo />
      </Group>
    </Card>
  );
}
