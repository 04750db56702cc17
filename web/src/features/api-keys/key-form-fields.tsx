import { Button, Group, Text, TextInput } from '@mantine/core';
import { type RefObject, useState } from 'react';
import type { ProviderResponse } from '../../client';
import { SecretInput } from '../../elements/secret-input';
import type { Problem } from '../../http/problem';
import { recogniseKey } from './recognise-key';

interface SecretFieldProps {
  readonly provider: ProviderResponse;
  readonly providers: readonly ProviderResponse[];
  readonly problem: Problem | null;
  readonly inputRef: RefObject<HTMLInputElement | null>;
  /** Offered when the key looks like that of another provider. */
  readonly onSwitch?: (provider: ProviderResponse) => void;
}

/** Where a key is pasted. Only whose key it looks like is remembered of it. */
export function SecretField({
  provider,
  providers,
  problem,
  inputRef,
  onSwitch,
}: SecretFieldProps) {
  const [owner, setOwner] = useState<ProviderResponse | null>(null);
  const field = provider.credentialFields.find(({ secret }) => secret);
  const isForeign = owner !== null && owner.id !== provider.id;
  return (
    <div>
      <SecretInput
        ref={inputRef}
        data-autofocus
        required
        name="apiKey"
        label={field?.label ?? 'API key'}
        placeholder={field?.placeholder ?? undefined}
        description="Stored encrypted. Only the last four characters are ever shown again."
        error={problem?.of('/apiKey')}
        onInput={(event) => {
          setOwner(recogniseKey(event.currentTarget.value, providers));
        }}
      />
      <Group gap="xs" mt={4} role="status">
        {owner !== null && (
          <Text size="sm" c={isForeign ? 'var(--mantine-color-error)' : 'dimmed'}>
            Looks like {article(owner.displayName)} {owner.displayName} key
          </Text>
        )}
        {isForeign && onSwitch !== undefined && (
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => {
              onSwitch(owner);
            }}
          >
            Use {owner.displayName}
          </Button>
        )}
      </Group>
    </div>
  );
}

export function BaseUrlField({
  provider,
  problem,
  initial,
}: {
  provider: ProviderResponse;
  problem: Problem | null;
  initial?: string | null;
}) {
  return (
    <TextInput
      name="baseUrl"
      type="url"
      autoComplete="off"
      label="Base URL"
      defaultValue={initial ?? ''}
      placeholder={provider.defaultBaseUrl ?? undefined}
      description="Where the key is sent, as the vendor's SDK takes it. Empty: the vendor."
      error={problem?.of('/baseUrl')}
    />
  );
}

/** The text of a field; undefined when nothing was typed. */
export function fieldOf(form: HTMLFormElement, name: string): string | undefined {
  const value = new FormData(form).get(name);
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

function article(name: string): string {
  return /^[AEIOU]/.test(name) ? 'an' : 'a';
}
