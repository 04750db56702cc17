import { type DrillSite, type Node, PROVIDER_KEY } from './drill-site';

const ATTEMPTS_MAX = 3;

/** One execution as the ledger has it. */
export interface LedgerRow {
  readonly id: string;
  readonly tag: string;
  readonly status: string;
  readonly cost: string | null;
  readonly attempts: number;
  /** Attempts that were or may have been billed, by the newest word on each. */
  readonly billed: number;
  /** Attempts with a first outcome. */
  readonly outcomes: number;
  readonly outcomeCost: string | null;
  /** Attempts whose revisions are not 1, 2, … */
  readonly gaps: number;
}

const LEDGER = `
  WITH newest AS (
    SELECT DISTINCT ON (execution_id, attempt_number) * FROM attempt_outcomes
     ORDER BY execution_id, attempt_number, revision DESC),
  revision AS (
    SELECT execution_id, attempt_number, min(revision) AS first, max(revision) AS last, count(*) AS count
      FROM attempt_outcomes GROUP BY 1, 2)
  SELECT execution.id, agent_id AS tag, status, execution.cost_nano_usd::text AS cost,
    (SELECT count(*)::integer FROM execution_attempts WHERE execution_id = execution.id) AS attempts,
    (SELECT count(*)::integer FROM newest WHERE execution_id = execution.id AND billed <> 'no') AS billed,
    (SELECT count(*)::integer FROM revision WHERE execution_id = execution.id AND first = 1) AS outcomes,
    (SELECT sum(cost_nano_usd)::text FROM newest WHERE execution_id = execution.id) AS "outcomeCost",
    (SELECT count(*)::integer FROM revision WHERE execution_id = execution.id
        AND (first <> 1 OR last <> count)) AS gaps
  FROM agent_executions execution`;

/** What the ledger says, beside what the provider and the clients say. */
export interface Audit {
  readonly rows: readonly LedgerRow[];
  /** How many have each status. */
  readonly counts: Readonly<Record<string, number>>;
  /** Every breach of an invariant, in words; none is expected. */
  readonly breaches: readonly string[];
}

/** Compares the three histories. I1: nothing is `running`. */
export async function audit(site: DrillSite): Promise<Audit> {
  const rows = await site.sql<LedgerRow>(LEDGER);
  const counts: Record<string, number> = {};
  for (const { status } of rows) counts[status] = (counts[status] ?? 0) + 1;
  const breaches = [...breachesOfRows(rows), ...breachesOfCalls(site, rows)];
  return { rows, counts, breaches: [...breaches, ...breachesOfAnswers(site, rows)] };
}

function breachesOfRows(rows: readonly LedgerRow[]): string[] {
  return rows.flatMap((row) => {
    const found: string[] = [];
    const isOpen = row.status === 'running' || row.status === 'queued';
    if (isOpen) found.push(`I1 ${row.tag} is ${row.status}`);
    if (row.billed > 1) found.push(`I3 ${row.tag} has ${row.billed} billed attempts`);
    if (row.cost !== row.outcomeCost) {
      found.push(`I5 ${row.tag} costs ${row.cost ?? 'null'}, not ${row.outcomeCost ?? 'null'}`);
    }
    if (!isOpen && row.outcomes !== row.attempts) {
      found.push(`I6 ${row.tag} has ${row.outcomes} outcomes of ${row.attempts} attempts`);
    }
    if (row.gaps > 0) found.push(`I6 ${row.tag} misses a revision`);
    if (row.attempts > ATTEMPTS_MAX) found.push(`I7 ${row.tag} has ${row.attempts} attempts`);
    return found;
  });
}

function breachesOfCalls({ upstream }: DrillSite, rows: readonly LedgerRow[]): string[] {
  const attempts = new Map<string, number>();
  for (const row of rows) attempts.set(row.tag, (attempts.get(row.tag) ?? 0) + row.attempts);
  const paid = new Map<string, number>();
  for (const { tag } of upstream.paid) paid.set(tag, (paid.get(tag) ?? 0) + 1);
  return [...paid].flatMap(([tag, count]) => {
    const found: string[] = [];
    if (!attempts.has(tag)) found.push(`I2 ${tag} was paid and is not in the ledger`);
    if (count > 1) found.push(`I3 ${tag} was paid ${count} times`);
    if (upstream.count(tag) > (attempts.get(tag) ?? 0))
      found.push(`I7 ${tag} has unrecorded calls`);
    return found;
  });
}

function breachesOfAnswers(site: DrillSite, rows: readonly LedgerRow[]): string[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const found = site.told.flatMap(({ tag, status, executionId, content }) => {
    if (status !== 200 && status !== 201) return [];
    const row = byId.get(executionId ?? '');
    if (row?.status === 'completed' && content?.split(' ')[0] === tag) return [];
    return [`I4 ${tag} was told ${status} and is ${row?.status ?? 'absent'}`];
  });
  const isShown = site.processes.some(({ stdout, stderr }) => {
    return stdout.includes(PROVIDER_KEY) || stderr.includes(PROVIDER_KEY);
  });
  return isShown ? [...found, 'I9 a server printed the key of the provider'] : found;
}

/** I4 for stored answers: what can be read again is what the client was told. */
export async function unequalAnswers(site: DrillSite, node: Node): Promise<string[]> {
  const unequal: string[] = [];
  for (const { tag, executionId, content } of site.told) {
    if (content === null) continue;
    const path = `executions/${executionId ?? ''}`;
    const stored = await site.own<{ output?: { content: string } }>(node, 'GET', path);
    if (stored.output?.content !== content) unequal.push(tag);
  }
  return unequal;
}
