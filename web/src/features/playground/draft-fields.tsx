import { Accordion, Autocomplete, Select, SimpleGrid, Textarea, TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import type { Problem } from '../../http/problem';
import { useApiKeys, useProviders } from '../api-keys/api-keys-api';
import { type Draft, MORE_POINTERS } from './playground-form';

const MORE = 'more';

interface DraftFieldsProps {
  readonly draft: Draft;
  readonly change: (part: Partial<Draft>) => void;
  readonly problem: Problem | null;
}

/** What is folded away opens when something in it was refused. */
export function DraftFields({ draft, change, problem }: DraftFieldsProps) {
  const [opened, setOpened] = useState<string | null>(null);
  const isMoreWrong = MORE_POINTERS.some((pointer) => problem?.of(pointer) != null);
  useEffect(() => {
    if (isMoreWrong) setOpened(MORE);
  }, [isMoreWrong]);
  return (
    <>
      <TargetFields draft={draft} change={change} problem={problem} />
      <Textarea
        label="Message"
        required
        autosize
        minRows={4}
        maxRows={14}
        value={draft.prompt}
        error={problem?.of('/messages')}
        description="Ctrl and Enter run it."
        onChange={(event) => {
          change({ prompt: event.currentTarget.value });
        }}
      />
      <Accordion variant="contained" value={opened} onChange={setOpened}>
        <Accordion.Item value={MORE}>
          <Accordion.Control>System prompt, key, limit</Accordion.Control>
          <Accordion.Panel>
            <MoreFields draft={draft} change={change} problem={problem} />
          </Accordion.Panel>
        </Accordion.Item>
      </Accordion>
    </>
  );
}

function TargetFields({ draft, change, problem }: DraftFieldsProps) {
  const providers = useProviders();
  const models = providers.data?.find(({ id }) => id === draft.provider)?.models ?? [];
  return (
    <SimpleGrid cols={{ base: 1, sm: 3 }}>
      <Select
        label="Provider"
        allowDeselect={false}
        data={(providers.data ?? []).map(({ id, displayName }) => ({
          value: id,
          label: displayName,
        }))}
        value={draft.provider}
        error={problem?.of('/provider')}
        onChange={(id) => {
          const provider = providers.data?.find((candidate) => candidate.id === id);
          change({
            provider: id ?? draft.provider,
            model: provider?.models[0] ?? '',
            apiKeyId: '',
          });
        }}
      />
      <Autocomplete
        label="Model"
        required
        data={models}
        maxLength={200}
        value={draft.model}
        error={problem?.of('/model')}
        onChange={(model) => {
          change({ model });
        }}
      />
      <TextInput
        label="Agent"
        required
        maxLength={200}
        value={draft.agentId}
        error={problem?.of('/agentId')}
        onChange={(event) => {
          change({ agentId: event.currentTarget.value });
        }}
      />
    </SimpleGrid>
  );
}

function MoreFields({ draft, change, problem }: DraftFieldsProps) {
  const keys = useApiKeys();
  const usable = (keys.data ?? []).filter(({ provider }) => provider === draft.provider);
  return (
    <>
      <Textarea
        label="System prompt"
        autosize
        minRows={2}
        value={draft.system}
        error={problem?.of('/system')}
        onChange={(event) => {
          change({ system: event.currentTarget.value });
        }}
      />
      <SimpleGrid cols={{ base: 1, sm: 2 }} mt="sm">
        <Select
          label="Key"
          clearable
          placeholder="The first usable one"
          data={usable.map(({ id, label, last4 }) => ({ value: id, label: `${label} …${last4}` }))}
          value={draft.apiKeyId === '' ? null : draft.apiKeyId}
          error={problem?.of('/apiKeyId')}
          onChange={(id) => {
            change({ apiKeyId: id ?? '' });
          }}
        />
        <TextInput
          label="Most output tokens"
          type="number"
          min={1}
          value={draft.maxTokens}
          error={problem?.of('/maxTokens')}
          onChange={(event) => {
            change({ maxTokens: event.currentTarget.value });
          }}
        />
      </SimpleGrid>
    </>
  );
}
