import { Select, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { Filters } from './filters';

const HOUR_MS = 3_600_000;
const ANY = 'any';
const OWN = 'own';
const CHOICES = [
  { value: ANY, label: 'Any time' },
  { value: '1', label: 'Last hour' },
  { value: '24', label: 'Last 24 hours' },
  { value: '168', label: 'Last 7 days' },
  { value: '720', label: 'Last 30 days' },
  { value: OWN, label: 'From … until …' },
];

interface TimeFilterProps {
  readonly filters: Filters;
  readonly change: (times: { from?: string | null; to?: string | null }) => void;
}

/** When it was created: a time that ends now, or one between two moments. */
export function TimeFilter({ filters: { from, to }, change }: TimeFilterProps) {
  const [chosen, setChosen] = useState({ choice: ANY, from });
  const isNarrowed = from !== undefined || to !== undefined;
  const isChosen = chosen.from === from && to === undefined && chosen.choice !== ANY;
  const choice = isChosen || chosen.choice === OWN ? chosen.choice : isNarrowed ? OWN : ANY;
  const choose = (value: string) => {
    const hours = Number(value);
    const start = Number.isNaN(hours)
      ? undefined
      : new Date(Date.now() - hours * HOUR_MS).toISOString();
    setChosen({ choice: value, from: start });
    if (value !== OWN) change({ from: start ?? null, to: null });
  };
  return (
    <>
      <Select
        label="Time"
        allowDeselect={false}
        data={CHOICES}
        value={choice}
        onChange={(value) => {
          if (value !== null) choose(value);
        }}
      />
      {choice === OWN &&
        (['from', 'to'] as const).map((name) => (
          <Moment
            key={name}
            label={name === 'from' ? 'From' : 'Until'}
            value={name === 'from' ? from : to}
            take={(time) => {
              change({ [name]: time });
            }}
          />
        ))}
    </>
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
