import { ThemeIcon } from '@mantine/core';
import { IconBrandOpenai } from '@tabler/icons-react';

/** Hues far apart, dark enough for white letters. */
const COLORS = ['#0b7285', '#5f3dc4', '#a61e4d', '#364fc7', '#2b6b33', '#8a3d06', '#495057'];

/** The marks that the set of icons has; of others there are two letters. */
const MARKS: Readonly<Record<string, typeof IconBrandOpenai>> = { openai: IconBrandOpenai };
const MARK_SHARE = 0.67;

/** The mark of a vendor, else a monogram: two letters on a colour that the name decides. */
export function ProviderLogo({ id, name, size = 36 }: { id: string; name: string; size?: number }) {
  const Mark = Object.hasOwn(MARKS, id) ? MARKS[id] : undefined;
  if (Mark !== undefined) {
    return (
      <ThemeIcon size={size} radius={size / 4} color="#111" style={{ flexShrink: 0 }}>
        <Mark size={size * MARK_SHARE} color="#fff" stroke={1.75} aria-hidden focusable="false" />
      </ThemeIcon>
    );
  }
  // Of the order too: with a mere sum, Anthropic and Echo look alike.
  const sum = Array.from(id).reduce(
    (total, letter) => (total * 31 + letter.charCodeAt(0)) % 997,
    0,
  );
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 36 36"
      style={{ flexShrink: 0 }}
      aria-hidden
      focusable="false"
    >
      <rect width="36" height="36" rx="9" fill={COLORS[sum % COLORS.length]} />
      <text
        x="18"
        y="23.500"
        fill="#fff"
        fontSize="15"
        fontWeight="700"
        fontFamily="system-ui, sans-serif"
        textAnchor="middle"
      >
        {monogram(name)}
      </text>
    </svg>
  );
}

/** OpenAI → OA, Anthropic → An. */
function monogram(name: string): string {
  const capitals = name.replace(/[^A-Z]/g, '');
  return capitals.length >= 2 ? `${capitals.charAt(0)}${capitals.charAt(1)}` : name.slice(0, 2);
}
