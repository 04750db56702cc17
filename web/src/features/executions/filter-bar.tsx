import { Button, Group, Select, TextInput } from '@mantine/core';
import { useDebouncedText } from '../../elements/use-debounced-text';
import { useApiKeys, useProviders } from '../api-keys/api-keys-api';
import { STATUS_CHOICES } from './execution-status-badge';
import { FILTER_NAMES, type useFilters } from './filters';

type FilterState = ReturnType<typeof useFilters>;

export function FilterBar({ state }: { state: FilterState }) {
  const { filters, set, clear } = state;
  const providers = useProviders();
  const keys = useApiKeys();
  const isNarrowed = FILTER_NAMES.some((name) => filters[name] !== undefined);
  return (
    <Group align="flex-end" gap="sm" role="search" aria-label="Filters">
      <Choice label="Status" name="status" choices={STATUS_CHOICES} state={state} />
      <Choice
        label="Provider"
        name="provider"
        choices={(providers.data ?? []).map(({ id, displayName }) => ({
          value: id,
          label: displayName,
        }))}
        state={state}
      />
      <Typed label="Model" name="model" state={state} />
      <Typed label="Agent" name="agentId" state={state} />
      <Choice
        label="Key"
        name="apiKeyId"
        choices={(keys.data ?? []).map(({ id, label, last4 }) => ({
          value: id,
          label: `${label} …${last4}`,
        }))}
        state={state}
      />
      <Moment
        label="From"
        value={filters.from}
        take={(time) => {
          set('from', time);
        }}
      />
      <Moment
        label="Until"
        value={filters.to}
        take={(time) => {
          set('to', time);
        }}
      />
      {isNarrowed && (
        <Button variant="default" onClick={clear}>
          Clear
        </Button>
      )}
    </Group>
  );
}

interface FilterProps {
  readonly label: string;
  readonly name: (typeof FILTER_NAMES)[number];
  readonly state: FilterState;
}

function Choice({
  label,
  name,
  choices,
  state: { filters, set },
}: FilterProps & { choices: { value: string; label: string }[] }) {
  return (
    <Select
      label={label}
      placeholder="All"
      clearable
      w={150}
      data={choices}
      value={filters[name] ?? null}
      onChange={(value) => {
        set(name, value);
      }}
    />
  );
}

function Typed({ label, name, state: { filters, set } }: FilterProps) {
  const [text, setText] = useDebouncedText(filters[name] ?? '', (value) => {
    set(name, value);
  });
  return (
    <TextInput
      label={label}
      w={150}
      value={text}
      maxLength={200}
      onChange={(event) => {
        setText(event.currentTarget.value);
      }}
    />
  );
}

function Moment({
  label,
  value,
  take,
}: {
  label: string;
  value: string | undefined;
  take: (time: string | null) => void;
}) {
  return (
    <TextInput
      label={label}
      type="datetime-local"
      w={210}
      value={value === undefined ? '' : localTime(value)}
      onChange={(event) => {
        const time = Date.parse(event.currentTarget.value);
        take(Number.isNaN(time) ? null : new Date(time).toISOString());
      }}
    />
  );
}

/** As the input wants it: local, to the minute. */
function localTime(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return '';
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}
