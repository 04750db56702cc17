import { Accordion, Button, Group, Select, Stack, TextInput } from '@mantine/core';
import { type RefObject, useEffect, useRef, useState } from 'react';
import {
  apiKeysControllerCreate,
  apiKeyTestsControllerTest,
  type ProviderResponse,
  type SavedApiKeyResponse,
  type TestApiKeyResponse,
} from '../../client';
import { useWorkspaceId } from '../../app/workspace';
import { notifyDone } from '../../elements/notify';
import { ProblemAlert } from '../../elements/problem-alert';
import { useAction } from '../../elements/use-action';
import type { Problem } from '../../http/problem';
import { useRefreshKeys } from './api-keys-api';
import { BaseUrlField, fieldOf, SecretField } from './key-form-fields';
import { TestResult } from './test-result';

type OnSaved = (saved: SavedApiKeyResponse, hasPassed: boolean) => void;

interface AddKeyFormProps {
  readonly providers: readonly ProviderResponse[];
  readonly initialProvider: ProviderResponse;
  /** Told whether the key passed a test as it was saved. */
  readonly onSaved: OnSaved;
  readonly onClose: () => void;
}

/** The fields that a test is about. */
const TESTED: ReadonlySet<string> = new Set(['apiKey', 'baseUrl']);
const ADDRESS = 'address';

/** The key is read from the form when it is sent, and erased from it once it is saved. */
export function AddKeyForm({ providers, initialProvider, onSaved, onClose }: AddKeyFormProps) {
  const form = useRef<HTMLFormElement>(null);
  const secret = useRef<HTMLInputElement>(null);
  const [provider, setProvider] = useState(initialProvider);
  const { test, save, result, forgetTest } = useSending(provider, secret, onSaved);
  const changeProvider = (next: ProviderResponse) => {
    forgetTest();
    setProvider(next);
  };
  const problem = save.problem ?? test.problem;
  return (
    <form
      ref={form}
      autoComplete="off"
      onInput={({ target }) => {
        if (target instanceof HTMLInputElement && TESTED.has(target.name)) forgetTest();
      }}
      onSubmit={(event) => {
        event.preventDefault();
        test.reset();
        void save.run(event.currentTarget);
      }}
    >
      <Stack>
        <Select
          label="Provider"
          allowDeselect={false}
          data={providers.map(({ id, displayName }) => ({ value: id, label: displayName }))}
          value={provider.id}
          onChange={(id) => {
            changeProvider(providers.find((candidate) => candidate.id === id) ?? provider);
          }}
        />
        <SecretField
          provider={provider}
          providers={providers}
          problem={problem}
          inputRef={secret}
          onSwitch={changeProvider}
        />
        <OptionalFields provider={provider} problem={problem} />
        <TestResult result={result} />
        <ProblemAlert problem={problem} beside={['/apiKey', '/label', '/baseUrl']} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button
            variant="default"
            loading={test.isRunning}
            onClick={() => {
              save.reset();
              if (form.current?.reportValidity() === true) void test.run(form.current);
            }}
          >
            Test
          </Button>
          <Button type="submit" loading={save.isRunning}>
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function useSending(
  provider: ProviderResponse,
  secret: RefObject<HTMLInputElement | null>,
  onSaved: OnSaved,
) {
  const workspaceId = useWorkspaceId();
  const refresh = useRefreshKeys();
  const [result, setResult] = useState<TestApiKeyResponse | null>(null);
  // A result that comes after a change is about something else than what the form shows.
  const changes = useRef(0);
  const read = (form: HTMLFormElement) => ({
    provider: provider.id,
    apiKey: secret.current?.value ?? '',
    baseUrl: fieldOf(form, 'baseUrl') ?? null,
  });
  const test = useAction(async (form: HTMLFormElement) => {
    setResult(null);
    const tested = changes.current;
    const body = read(form);
    const { data } = await apiKeyTestsControllerTest({ path: { workspaceId }, body });
    if (tested === changes.current) setResult(data);
  });
  const forgetTest = () => {
    changes.current += 1;
    setResult(null);
    test.reset();
  };
  const save = useAction(async (form: HTMLFormElement) => {
    const body = { ...read(form), label: fieldOf(form, 'label') };
    const { data } = await apiKeysControllerCreate({ path: { workspaceId }, body });
    if (secret.current !== null) secret.current.value = '';
    notifyDone(`The key “${data.label}” is saved.`);
    await refresh();
    onSaved(data, result?.ok === true);
  });
  return { test, save, result, forgetTest };
}

function OptionalFields({
  provider,
  problem,
}: {
  provider: ProviderResponse;
  problem: Problem | null;
}) {
  const [opened, setOpened] = useState<string | null>(null);
  const isAddressWrong = problem?.of('/baseUrl') != null;
  useEffect(() => {
    if (isAddressWrong) setOpened(ADDRESS);
  }, [isAddressWrong]);
  return (
    <>
      <TextInput
        name="label"
        label="Label"
        description="What it is for. Empty: the name of the provider."
        maxLength={100}
        autoComplete="off"
        error={problem?.of('/label')}
      />
      <Accordion variant="contained" value={opened} onChange={setOpened}>
        <Accordion.Item value={ADDRESS}>
          <Accordion.Control>An address of your own</Accordion.Control>
          <Accordion.Panel>
            <BaseUrlField provider={provider} problem={problem} />
          </Accordion.Panel>
        </Accordion.Item>
      </Accordion>
    </>
  );
}
