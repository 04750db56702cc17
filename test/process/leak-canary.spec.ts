import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { FaultyUpstream } from '../support/faulty-upstream';
import { ApiClient, type Execution } from './api-client';
import { cleanUp, newDataDirectory, ownerToken, ServerProcess } from './server-process';

jest.setTimeout(180_000);

/** A key that looks different in every encoding. */
const CANARY = 'sk-CANARY+/?=&%25:q~9~Zx7~canary';
const FORMS = [
  CANARY,
  CANARY.slice(0, 20),
  encodeURIComponent(CANARY),
  JSON.stringify(CANARY).slice(1, -1),
  Buffer.from(CANARY).toString('hex'),
  ...base64Forms(CANARY),
];

/** The most talkative that a server, Node and both SDKs can be. */
const TALKATIVE = {
  LOG_LEVEL: 'trace',
  NODE_DEBUG: '*',
  DEBUG: '*',
  OPENAI_LOG: 'debug',
  ANTHROPIC_LOG: 'debug',
};

interface TestResult {
  readonly ok: boolean;
  readonly category: string;
}

describe('a provider key', () => {
  const accepted = new Set<string>();
  let upstream: FaultyUpstream;
  let dataDirectory: string;
  let server: ServerProcess;
  let client: ApiClient;
  /** Everything that the API said. */
  const answers: string[] = [];

  beforeAll(async () => {
    upstream = await FaultyUpstream.start({ acceptedKeys: accepted });
    dataDirectory = await newDataDirectory();
    server = new ServerProcess({
      dataDirectory,
      variables: { ...TALKATIVE, KEYRUN_ALLOWED_HOSTS: upstream.host },
    });
    client = await ApiClient.connect(await server.ready(), await ownerToken(dataDirectory));
  });

  afterAll(async () => {
    await cleanUp();
    await upstream.close();
  });

  const vendors = [
    { provider: 'openai', model: 'gpt-4o-mini', base: () => upstream.openAiBaseUrl },
    { provider: 'anthropic', model: 'claude-haiku-4-5', base: () => upstream.url },
  ];

  const note = <T>(answer: T): T => {
    answers.push(JSON.stringify(answer));
    return answer;
  };

  it('is used: tested, refused with an echo of itself, accepted, and run with success and failure', async () => {
    for (const { provider, model, base } of vendors) {
      const baseUrl = base();
      const unsaved = { provider, apiKey: CANARY, baseUrl };
      accepted.delete(CANARY);
      note(await client.own('POST', 'api-keys/test', unsaved));
      const { id } = note(await client.own<{ id: string }>('POST', 'api-keys', unsaved));
      const test = () => client.own<TestResult>('POST', 'api-keys/test', { keyId: id });
      expect(note(await test())).toMatchObject({ ok: false, category: 'credential_invalid' });
      expect(note(await client.run({ provider, model }))).toMatchObject({ status: 424 });

      accepted.add(CANARY);
      expect(note(await test())).toMatchObject({ ok: true });
      expect(note(await client.run({ provider, model }))).toMatchObject({ status: 'completed' });
      upstream.script([
        { status: 400, message: `bad request for ${CANARY}`, code: CANARY },
        { status: 500, message: CANARY, headers: { 'x-request-id': CANARY, 'retry-after': '0' } },
        { fault: 'half-json-close' },
        { raw: (response) => response.writeHead(302, { location: `/${CANARY}` }).end() },
      ]);
      for (let failure = 0; failure < 3; failure += 1) {
        note(await client.run({ provider, model, timeoutMs: 10_000 }));
      }
      note(await client.run({ provider, model, nonsense: CANARY }));
      note(await client.own('POST', 'api-keys', { ...unsaved, apiKey: `${CANARY}\n` }));
      note(await client.own('PUT', `api-keys/${id}/secret`, { apiKey: CANARY }));
      note(await client.own('GET', `api-keys/${id}`));
    }
    const { data } = await client.own<{ data: Execution[] }>('GET', 'executions');
    for (const { id } of data) note(await client.own('GET', `executions/${id!}`));
    expect(data.length).toBeGreaterThanOrEqual(8);
    expect(JSON.stringify(upstream.requests)).toContain(JSON.stringify(CANARY).slice(1, -1));
  });

  it('is in no answer', () => {
    expect(hitsIn(answers.join('\n'), FORMS)).toEqual([]);
  });

  it('is in no table, nor is an access token', async () => {
    const dump = await dumpOf(await readFile(join(dataDirectory, 'database-url'), 'utf8'));
    expect(dump.includes('public.api_keys\n') && dump.includes(',s1:')).toBe(true);
    expect(hitsIn(dump, [...FORMS, 'kr_pat_'])).toEqual([]);
  });

  it('is in no file of the data directory once the server has stopped', async () => {
    expect((await server.stop()).code).toBe(0);
    const files = await readdir(dataDirectory, { recursive: true, withFileTypes: true });
    const found: string[] = [];
    for (const file of files.filter((entry) => entry.isFile() && entry.name !== 'owner-token')) {
      const text = await readFile(join(file.parentPath, file.name), 'latin1');
      found.push(...hitsIn(text, [...FORMS, 'kr_pat_']).map((hit) => `${file.name}: ${hit}`));
    }
    expect(files.length).toBeGreaterThan(100);
    expect(found).toEqual([]);
  });

  it('is in no output, however talkative, nor is an access token', () => {
    expect(server.stdout.includes('"status":201')).toBe(true);
    expect(/^(HTTP|NET|TIMER|STREAM) /m.test(server.stderr)).toBe(true);
    expect(hitsIn(server.stdout + server.stderr, [...FORMS, 'kr_pat_'])).toEqual([]);
  });

  it('would be found in any of its forms', () => {
    const samples = [
      `at https://host/?key=${encodeURIComponent(CANARY)}`,
      `Basic ${Buffer.from(`user:${CANARY}`).toString('base64')}`,
      `Basic ${Buffer.from(`a:${CANARY}`).toString('base64')}`,
      `Basic ${Buffer.from(`:${CANARY}!`).toString('base64url')}`,
      JSON.stringify({ CANARY }),
    ];
    expect(samples.filter((sample) => hitsIn(sample, FORMS).length === 0)).toEqual([]);
  });
});

/** What the text has in base64 wherever it stands in a longer text: without the characters at its edges. */
function base64Forms(text: string): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(text)]);
    const inner = (encoded: string) => encoded.replace(/=+$/, '').slice(offset === 0 ? 0 : 4, -2);
    return [inner(bytes.toString('base64')), inner(bytes.toString('base64url'))];
  });
}

/** The forms found, each with what stands before it. */
function hitsIn(text: string, forms: readonly string[]): string[] {
  return forms.flatMap((form) => {
    const position = text.indexOf(form);
    return position < 0 ? [] : [text.slice(Math.max(0, position - 120), position + form.length)];
  });
}

/** Every row of every table that is not PostgreSQL's own, as text. */
async function dumpOf(url: string): Promise<string> {
  const database = new Client({ connectionString: url.trim() });
  await database.connect();
  try {
    const tables = await database.query<{ name: string }>(`
      SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`);
    const dump: string[] = [];
    for (const { name } of tables.rows) {
      const { rows } = await database.query<{ row: string }>(
        `SELECT entry::text AS row FROM ${name} AS entry`,
      );
      dump.push(name, ...rows.map(({ row }) => row));
    }
    return dump.join('\n');
  } finally {
    await database.end();
  }
}
