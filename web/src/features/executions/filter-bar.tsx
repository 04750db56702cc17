import { Button, Select, TextInput } from '@mantine/core';
import { useDebouncedText } from '../../elements/use-debounced-text';
import { useApiKeys, useProviders } from '../api-keys/api-keys-api';
import { STATUS_CHOICES } from './execution-status-badge';
import classes from './filter-bar.module.css';
import { FILTER_NAMES, type useFilters } from './filters';
import { TimeFilter } from './time-filter';

type FilterState = ReturnType<typeof useFilters>;

export function FilterBar({ state }: { state: FilterState }) {
  const { filters, change, clear } = state;
  const providers = useProviders();
  const keys = useApiKeys();
  const isNarrowed = FILTER_NAMES.some((name) => filters[name] !== undefined);
  return (
    <div className={classes.bar} role="search" aria-label="Filters">
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
      <TimeFilter filters={filters} change={change} />
      {isNarrowed && (
        <Button variant="default" w="fit-content" onClick={clear}>
          Clear
        </Button>
      )}
    </div>
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
      value={text}
      maxLength={200}
      onChange={(event) => {
        setText(event.currentTarget.value);
      }}
    />
  );
}
