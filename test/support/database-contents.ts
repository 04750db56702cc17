import type { DataSource } from 'typeorm';

/** Limits count refused requests too, the audit trail has tests of its own, and webhooks are told in the background. */
const RECORDS_OF_REQUESTS = new Set([
  'public.rate_limits',
  'public.audit_events',
  'public.audit_heads',
  'public.webhook_attempts',
]);

/** How many rows each table has, partitions counted one by one. Equal before and after: nothing was written. */
export async function rowCounts(dataSource: DataSource): Promise<Record<string, number>> {
  const counts = await eachTable(
    dataSource,
    (table) => `SELECT '${table}' AS name, count(*)::integer AS rows FROM ${table}`,
  );
  const kept = counts.filter(({ name }) => !RECORDS_OF_REQUESTS.has(name));
  return Object.fromEntries(kept.map(({ name, rows }) => [name, rows]));
}

/** A digest of the rows of one workspace, per table that has some. Equal before and after: nothing was touched. */
export async function contentsOfWorkspace(
  dataSource: DataSource,
  workspaceId: string,
): Promise<Record<string, string>> {
  const digests = await eachTable<{ name: string; digest: string | null }>(
    dataSource,
    (table) => `SELECT '${table}' AS name,
      md5(string_agg(entry::text, '/' ORDER BY entry::text)) AS digest FROM ${table} entry
      WHERE position($1 IN entry::text) > 0`,
    [workspaceId],
  );
  const found = digests.filter(({ digest }) => digest !== null);
  return Object.fromEntries(found.map(({ name, digest }) => [name, digest!]));
}

/** The tables of which some row, as text, contains `needle`: as it is, or as hex or base64 of its bytes. */
export async function tablesWith(dataSource: DataSource, needle: string): Promise<string[]> {
  const bytes = Buffer.from(needle);
  const forms = [needle, bytes.toString('hex'), bytes.toString('base64').replace(/=+$/, '')];
  const hits = await eachTable(
    dataSource,
    (table) => `SELECT '${table}' AS name, count(*)::integer AS rows
      FROM ${table} entry, unnest($1::text[]) form WHERE position(form IN entry::text) > 0`,
    [forms],
  );
  return hits.filter(({ rows }) => rows > 0).map(({ name }) => name);
}

/** One query over every table that holds rows, in the order of their names. */
async function eachTable<Row = { name: string; rows: number }>(
  dataSource: DataSource,
  select: (table: string) => string,
  values: unknown[] = [],
): Promise<Row[]> {
  const tables = await dataSource.query<{ name: string }[]>(`
    SELECT format('%I.%I', nspname, relname) AS name FROM pg_class
      JOIN pg_namespace ON pg_namespace.oid = relnamespace
      WHERE relkind = 'r' AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')`);
  const query = tables.map(({ name }) => select(name)).join(' UNION ALL ');
  return dataSource.query(`${query} ORDER BY name`, values);
}
