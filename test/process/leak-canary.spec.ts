import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Secret } from '../../src/common';
import { generateRootKey } from '../../src/crypto';
import { serverLogin } from '../../src/database/server-login';
import { FaultyUpstream } from '../support/faulty-upstream';
import { ApiClient, type Execution } from './api-client';
import { CANARY, formsOf, hitsIn, OPERATOR_KEY, PROMPT } from './leak-canary/canaries';
import { dumpOf } from './leak-canary/database-dump';
import { RouteDriver } from './leak-canary/route-driver';
import { cleanUp, newDataDirectory, ownerToken, ServerProcess, until } from './server-process';

jest.setTimeout(180_000);

const ROOT_KEY = generateRootKey().expose();
const preload = (name: string) => `--require ${join(__dirname, 'preload', name)}`;

/** The most talkative that a server, Node, both SDKs and PostgreSQL can be, and a library that prints what it sees. */
const TALKATIVE = {
  LOG_LEVEL: 'trace',
  NODE_DEBUG: '*',
  DEBUG: '*',
  OPENAI_LOG: 'debug',
  ANTHROPIC_LOG: 'debug',
  OPENAI_API_KEY: OPERATOR_KEY,
  ANTHROPIC_API_KEY: OPERATOR_KEY,
  AWS_SECRET_ACCESS_KEY: OPERATOR_KEY,
  KEYRUN_ROOT_KEY: ROOT_KEY,
  KEYRUN_TEST_FAULT: 'careless,exception',
  KEYRUN_TEST_FAULT_TEXT: CANARY,
};

const UNLIMITED = {
  KEYRUN_MANAGEMENT_REQUESTS_PER_MINUTE: '1000000',
  KEYRUN_KEY_TESTS_PER_MINUTE: '1000000',
  KEYRUN_FAILED_AUTHENTICATIONS_PER_MINUTE: '1000000',
};

/** Files that hold a secret on purpose. */
const SECRET_FILES = new Set(['owner-token', 'database-url']);

interface TestResult {
  readonly ok: boolean;
  readonly category: string;
}

describe('a secret', () => {
  const accepted = new Set<string>();
  let upstream: FaultyUpstream;
  let dataDirectory: string;
  let reports: string;
  let server: ServerProcess;
  let baseUrl: string;
  let token: string;
  let client: ApiClient;
  /** Everything that must stand nowhere. */
  let forms: readonly string[];
  /** Everything that the API said. */
  const answers: string[] = [];

  beforeAll(async () => {
    upstream = await FaultyUpstream.start({ acceptedKeys: accepted });
    [dataDirectory, reports] = [await newDataDirectory(), await newDataDirectory()];
    const nodeOptions = [
      preload('faults.cjs'),
      preload('talkative-postgres.cjs'),
      '--report-on-signal --report-signal=SIGUSR2 --report-uncaught-exception',
      `--report-directory=${reports}`,
    ];
    server = new ServerProcess({
      dataDirectory,
      variables: {
        ...TALKATIVE,
        ...UNLIMITED,
        KEYRUN_ALLOWED_HOSTS: upstream.host,
        NODE_OPTIONS: nodeOptions.join(' '),
      },
    });
    baseUrl = await server.ready();
    token = await ownerToken(dataDirectory);
    client = await ApiClient.connect(baseUrl, token);
    const { password } = new URL(await databaseUrl());
    const login = serverLogin(new Secret(await databaseUrl())).password!.expose();
    const secrets = [CANARY, ROOT_KEY, password, login, PROMPT, OPERATOR_KEY];
    forms = [...secrets.flatMap(formsOf), Buffer.from(ROOT_KEY, 'base64').toString('hex')];
  });

  afterAll(async () => {
    await cleanUp();
    await upstream.close();
  });

  const databaseUrl = async () =>
    (await readFile(join(dataDirectory, 'database-url'), 'utf8')).trim();
  const vendors = [
    { provider: 'openai', model: 'gpt-4o-mini', base: () => upstream.openAiBaseUrl },
    { provider: 'anthropic', model: 'claude-haiku-4-5', base: () => upstream.url },
  ];
  const messages = [{ role: 'user', content: PROMPT }];
  const note = <T>(answer: T): T => {
    answers.push(JSON.stringify(answer));
    return answer;
  };

  it('is used: tested, refused with an echo of itself, accepted, run with success and failure', async () => {
    for (const { provider, model, base } of vendors) {
      const run = { provider, model, messages };
      const unsaved = { provider, apiKey: CANARY, baseUrl: base() };
      accepted.delete(CANARY);
      note(await client.own('POST', 'api-keys/test', unsaved));
      const { id } = note(await client.own<{ id: string }>('POST', 'api-keys', unsaved));
      const test = () => client.own<TestResult>('POST', 'api-keys/test', { keyId: id });
      expect(note(await test())).toMatchObject({ ok: false, category: 'credential_invalid' });
      expect(note(await client.run(run))).toMatchObject({ status: 424 });

      accepted.add(CANARY);
      expect(note(await test())).toMatchObject({ ok: true });
      expect(note(await client.run(run))).toMatchObject({ status: 'completed' });
      upstream.script([
        { status: 400, message: `bad request for ${CANARY}`, code: CANARY },
        { status: 500, message: CANARY, headers: { 'x-request-id': CANARY, 'retry-after': '0' } },
        { fault: 'half-json-close' },
        { raw: (response) => response.writeHead(302, { location: `/${CANARY}` }).end() },
      ]);
      for (let failure = 0; failure < 3; failure += 1) {
        note(await client.run({ ...run, timeoutMs: 10_000 }));
      }
      note(await client.run({ ...run, nonsense: CANARY }));
      note(await client.own('POST', 'api-keys', { ...unsaved, apiKey: `${CANARY}\n` }));
      note(await client.own('PUT', `api-keys/${id}/secret`, { apiKey: CANARY }));
      note(await client.own('GET', `api-keys/${id}`));
    }
    const { data } = await client.own<{ data: Execution[] }>('GET', 'executions');
    for (const { id } of data) note(await client.own('GET', `executions/${id!}`));
    expect(data.length).toBeGreaterThanOrEqual(8);
    expect(JSON.stringify(upstream.requests)).toContain(JSON.stringify(CANARY).slice(1, -1));
    expect(JSON.stringify(upstream.requests)).toContain(PROMPT);
  });

  it('is sent to every route, with a key or a token wherever a client may put one', async () => {
    const { id: workspaceId } = await client.call<{ id: string }>('POST', '/api/workspaces', {
      name: 'Canary',
    });
    const own = (path: string) => `/api/workspaces/${workspaceId}/${path}`;
    const key = { provider: 'openai', apiKey: CANARY, baseUrl: upstream.openAiBaseUrl };
    const { id: keyId } = await client.call<{ id: string }>('POST', own('api-keys'), key);
    const role = { name: 'Throw-away', role: 'viewer' };
    const made = await client.call<{ id: string; token: string }>('POST', own('tokens'), role);
    const leaked = await client.call<{ token: string }>('POST', own('tokens'), role);
    const run = { agentId: 'canary', provider: 'openai', model: 'gpt-4o-mini', messages };
    const webhook = { url: `${upstream.url}/hook` };
    const hook = await client.call<{ id: string }>('POST', own('webhooks'), webhook);
    const { id: executionId } = await client.call<Execution>('POST', own('executions'), run);
    const deliveryId = await until('the delivery', async () => {
      const { data } = await client.call<{ data: { id: string; attempts: unknown[] }[] }>(
        'GET',
        own(`webhooks/${hook.id}/deliveries`),
      );
      return data.find(({ attempts }) => attempts.length > 0)?.id ?? null;
    });
    const inUrl = await client.call('GET', `${own('tokens')}?access_token=${leaked.token}`);
    expect(note(inUrl)).toMatchObject({ code: 'secret_in_url' });

    const driver = new RouteDriver({
      baseUrl,
      token,
      secret: CANARY,
      values: {
        ...{ ...key, ...run, system: PROMPT, workspaceId, keyId, executionId, tokenId: made.id },
        ...{
          apiKeyId: keyId,
          name: 'Canary',
          enabled: true,
          ...webhook,
          webhookId: hook.id,
          deliveryId,
        },
      },
    });
    await driver.driveAll();
    answers.push(...driver.answers);
    const { names, successes } = driver;
    expect(names.length).toBeGreaterThan(30);
    expect(names.filter((name) => !successes.has(name))).toEqual([]);
    expect([...driver.shown].sort()).toEqual([
      'POST /api/session',
      'POST /api/workspaces/{workspaceId}/tokens',
      'POST /api/workspaces/{workspaceId}/tokens/{tokenId}/rotate',
    ]);
  });

  it('is in no answer', () => {
    // Whoever may read an execution may read what it asked.
    const untold = forms.filter((form) => !formsOf(PROMPT).includes(form));
    expect(hitsIn(answers.join('\n'), untold)).toEqual([]);
  });

  it('is in no table, nor in what PostgreSQL tells of its statements', async () => {
    const dump = await dumpOf(await databaseUrl());
    expect(dump.includes('public.api_keys\n') && dump.includes(',s1:')).toBe(true);
    expect(/\npg_stat_statements\n[^]*append_audit_events/.test(dump)).toBe(true);
    expect(hitsIn(dump, forms)).toEqual([]);
  });

  it('is in no output, however talkative, and the last layer had next to nothing to do', () => {
    const output = server.stdout + server.stderr;
    expect(server.stdout).toContain('"status":201');
    expect(server.stderr).toMatch(/^(HTTP|NET|TIMER|STREAM) /m);
    expect(hitsIn(output, forms)).toEqual([]);
    expect(hitsIn(answers.join('\n'), ['[scrubbed]'])).toEqual([]);
    // What is left to it are URLs: paths in our log, and with DEBUG what Express prints of each request.
    const scrubbed = output.split('\n').filter((line) => line.includes('[scrubbed]'));
    const elsewhere = scrubbed.map((line) => line.replace(/\/?\b(api|health)\/[^\s"]*/g, ''));
    expect(scrubbed.length).toBeGreaterThan(0);
    expect(elsewhere.filter((line) => line.includes('[scrubbed]'))).toEqual([]);
  });

  it('is in no diagnostic report', async () => {
    server.kill('SIGUSR2');
    const report = await until('the report', async () => {
      const [name] = await readdir(reports);
      const text = name === undefined ? '' : await readFile(join(reports, name), 'utf8');
      return text.trimEnd().endsWith('}') ? text : null;
    });
    expect(report).toContain('"trigger": "Signal"');
    expect(hitsIn(report, forms)).toEqual([]);
  });

  it('is in no output of a library that prints what it sees', async () => {
    const before = { stdout: server.stdout.length, stderr: server.stderr.length };
    server.kill('SIGHUP');
    await until('the library', () =>
      server.stdout.includes('a careless library was here') &&
      server.stderr.includes('a warning about') &&
      server.stderr.includes('CARELESS')
        ? true
        : null,
    );
    const output = server.stdout.slice(before.stdout) + server.stderr.slice(before.stderr);
    expect(hitsIn(output, forms)).toEqual([]);
    for (const line of [
      /^a library: \[scrubbed\]$/m,
      /^bytes: \[scrubbed\]$/m,
      /^Basic .*\[scr/m,
    ]) {
      expect(output).toMatch(line);
    }
  });

  it('is not in the last words of a server that crashes', async () => {
    const before = server.stderr.length;
    server.kill('SIGHUP');
    expect(await server.exited).toEqual({ code: 70, signal: null });
    const lastWords = server.stderr.slice(before);
    expect(lastWords).toContain('"name":"Unforeseen","code":"E_UNFORESEEN"');
    expect(hitsIn(lastWords, [...forms, '[scrubbed]'])).toEqual([]);
  });

  it('is in no file of the data directory, PostgreSQL and its log included, once the server has ended', async () => {
    const options = { recursive: true, withFileTypes: true } as const;
    const entries = [
      ...(await readdir(dataDirectory, options)),
      ...(await readdir(reports, options)),
    ];
    const files = entries.filter((entry) => entry.isFile() && !SECRET_FILES.has(entry.name));
    const found: string[] = [];
    let log = '';
    for (const file of files) {
      const text = await readFile(join(file.parentPath, file.name), 'latin1');
      if (file.parentPath.endsWith('log') && file.name.endsWith('.log')) log += text;
      found.push(...hitsIn(text, forms).map((hit) => `${file.name}: ${hit}`));
    }
    expect(files.length).toBeGreaterThan(100);
    expect(log).toMatch(/LOG: .*execute .*append_audit_events/);
    expect(log).toMatch(/Parameters: /);
    expect(found).toEqual([]);
  });

  it('would be found in any of its forms', () => {
    const samples = [
      `at https://host/?key=${encodeURIComponent(CANARY)}`,
      `Basic ${Buffer.from(`user:${CANARY}`).toString('base64')}`,
      `Basic ${Buffer.from(`a:${CANARY}`).toString('base64')}`,
      `Basic ${Buffer.from(`:${CANARY}!`).toString('base64url')}`,
      JSON.stringify({ CANARY }),
      JSON.stringify({ PROMPT }),
      `Bearer ${token}`,
      `key ${ROOT_KEY}`,
    ];
    expect(samples.filter((sample) => hitsIn(sample, forms).length === 0)).toEqual([]);
  });
});
