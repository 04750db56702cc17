import { createTheme, type CSSVariablesResolver, Menu } from '@mantine/core';

/** Colours of text on a light tint of the same colour: at least 4.5:1, which Mantine's own are not. */
const ON_TINT = {
  red: { light: '#a61e1e', dark: '#ffa8a8' },
  green: { light: '#1d5e2a', dark: '#8ce99a' },
  yellow: { light: '#734d00', dark: '#ffe066' },
  orange: { light: '#8a3d06', dark: '#ffc078' },
  blue: { light: '#114b82', dark: '#a5d8ff' },
  cyan: { light: '#095c6b', dark: '#99e9f2' },
  gray: { light: '#343a40', dark: '#dee2e6' },
} as const;

export const theme = createTheme({
  primaryColor: 'cyan',
  primaryShade: 9,
  defaultRadius: 'md',
  respectReducedMotion: true,
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, monospace',
  headings: { fontWeight: '650' },
  focusRing: 'auto',
  cursorType: 'pointer',
  components: {
    // Its placeholder is in the menu and no item of it; without, the first item has the focus at once.
    Menu: Menu.extend({ defaultProps: { withInitialFocusPlaceholder: false } }),
  },
});

/** Under the pointer a filled button gets darker: Mantine's own lighter shade leaves white text below 4.5:1. */
const FILLED_HOVER = {
  '--mantine-color-cyan-filled-hover': '#095c6b',
  '--mantine-color-red-filled-hover': '#a61e1e',
};

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    ...tints('light'),
    ...FILLED_HOVER,
    '--mantine-color-dimmed': '#495057',
    '--mantine-color-placeholder': '#5c636a',
    '--mantine-color-error': '#a61e1e',
  },
  dark: {
    ...tints('dark'),
    ...FILLED_HOVER,
    '--mantine-color-dimmed': '#b8b8b8',
    '--mantine-color-placeholder': '#a0a0a0',
    '--mantine-color-error': '#ffa8a8',
    '--mantine-color-anchor': '#66d9e8',
  },
});

function tints(scheme: 'light' | 'dark'): Record<string, string> {
  return Object.fromEntries(
    Object.entries(ON_TINT).map(([color, shades]) => [
      `--mantine-color-${color}-light-color`,
      shades[scheme],
    ]),
  );
}
