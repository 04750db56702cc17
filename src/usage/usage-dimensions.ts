/** What a report can be divided by: the name in `groupBy`, and where its value stands in a row. */
export const DIMENSIONS = {
  day: { field: 'day', sql: `to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')` },
  provider: { field: 'provider', sql: 'provider' },
  model: { field: 'model', sql: 'model' },
  agent: { field: 'agentId', sql: 'agent_id' },
  // A provider without keys has none.
  apiKey: { field: 'apiKeyId', sql: `coalesce(api_key_id::text, '')` },
} as const;

/** A name that `groupBy` takes. */
export type Dimension = keyof typeof DIMENSIONS;

/** Values of one row, in the order of its dimensions. */
export type GroupKey = readonly string[];

/** Whether it is names of dimensions, each once, with commas in between. Looks at no more words than there are names. */
export function isGroupBy(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  const names = Object.keys(DIMENSIONS);
  const words = value.split(',', names.length + 1);
  return new Set(words).size === words.length && words.every((word) => names.includes(word));
}

/** In the order in which rows are sorted, whatever the order of the request. */
export function parseGroupBy(text: string): Dimension[] {
  const wanted = new Set(text.split(','));
  return (Object.keys(DIMENSIONS) as Dimension[]).filter((name) => wanted.has(name));
}

/** The cursor after a row. */
export function toCursor(key: GroupKey): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** @returns null for what is no cursor of a report by as many dimensions. */
export function parseCursor(cursor: string, length: number): GroupKey | null {
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (!Array.isArray(key) || key.length !== length) return null;
    // A NUL character is what PostgreSQL takes in no text.
    return key.every((part) => typeof part === 'string' && !part.includes('\0')) ? key : null;
  } catch {
    return null;
  }
}
