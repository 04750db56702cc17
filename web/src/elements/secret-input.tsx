import { PasswordInput, type PasswordInputProps } from '@mantine/core';

/**
 * An input for a secret: pasting is welcome, nothing fills it in by itself, and no state of the page holds
 * what is in it. Whoever needs the value reads it from the form and clears it.
 */
export function SecretInput(props: Omit<PasswordInputProps, 'value' | 'defaultValue'>) {
  return (
    <PasswordInput
      autoComplete="off"
      autoCapitalize="off"
      spellCheck={false}
      data-secret
      data-1p-ignore
      data-lpignore="true"
      visibilityToggleButtonProps={{ 'aria-label': 'Show or hide the secret' }}
      {...props}
    />
  );
}
