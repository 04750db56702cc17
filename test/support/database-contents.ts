import type { DataSource } from 'typeorm';

/** How many rows each table has, partitions counted one by one. Equal before and after: nothing was written. */
export async function rowCounts(dataSource: DataSource): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of await tables(dataSource)) {
    const [row] = await dataSource.query<{ rows: number }[]>(
      `SELECT count(*)::integer AS rows FROM ${table}`,
    );
    counts[table] = row!.rows;
  }
  return counts;
}

/** The tables of which some row, as text, contains `needle`: as it is, or as hex or base64 of its bytes. */
export async function tablesWith(dataSource: DataSource, needle: string): Promise<string[]> {
  const bytes = Buffer.from(needle);
  const forms = [needle, bytes.toString('hex'), bytes.toString('base64').replace(/=+$/, '')];
  const found: string[] = [];
  for (const table of await tables(dataSource)) {
    const [row] = await dataSource.query<{ hits: number }[]>(
      `SELECT count(*)::integer AS hits FROM ${table} entry, unnest($1::text[]) form
        WHERE position(form IN entry::text) > 0`,
      [forms],
    );
    if (row!.hits > 0) found.push(table);
  }
  return found;
}

async function tables(dataSource: DataSource): Promise<string[]> {
  const rows = await dataSource.query<{ name: string }[]>(`
    SELECT format('%I.%I', nspname, relname) AS name FROM pg_class
      JOIN pg_namespace ON pg_namespace.oid = relnamespace
      WHERE relkind = 'r' AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
      ORDER BY 1`);
  return rows.map((row) => row.name);
}
