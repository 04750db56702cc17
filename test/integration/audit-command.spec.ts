import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VerifyAuditCommand } from '../../src/cli/audit.command';
import { tamper } from '../support/audit-rows';
import { TestApp } from '../support/test-app';

describe('keyrun audit verify', () => {
  let app: TestApp;
  let command: VerifyAuditCommand;
  let directory: string;
  let file: string;
  let exitCode: typeof process.exitCode;
  const variables = { ...process.env };

  beforeAll(async () => {
    app = await TestApp.start();
    command = new VerifyAuditCommand();
    directory = await mkdtemp(join(tmpdir(), 'keyrun-audit-'));
    file = join(directory, 'export.ndjson');
  });

  afterAll(async () => {
    await rm(directory, { recursive: true });
    await app.close();
  });

  beforeEach(() => {
    exitCode = process.exitCode;
    process.exitCode = 0;
  });

  afterEach(() => {
    process.exitCode = exitCode;
    process.env = { ...variables };
  });

  /** What the command prints, and the exit code it leaves. */
  async function run(
    options: Parameters<VerifyAuditCommand['run']>[1],
  ): Promise<[string, unknown]> {
    // Reading the settings removes them.
    process.env.KEYRUN_ROOT_KEY = app.rootKey;
    process.env.DATABASE_URL = app.database.url.expose();
    const write = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
    try {
      await command.run([], options);
      return [write.mock.calls.map(([text]) => String(text)).join(''), process.exitCode];
    } finally {
      write.mockRestore();
    }
  }
  const exported = async () =>
    (await app.request('get', app.path('audit-events/export')).expect(200).buffer()).text;

  it('takes an intact database, workspace and export for what they are', async () => {
    await writeFile(file, await exported());
    const workspace = app.workspaceId;
    const intact = `${workspace}: 2 events, ok, ends with 2 [0-9a-f]{64}\n`;
    expect(await run({})).toEqual([
      expect.stringMatching(new RegExp(`^server: 0 events, ok, ends with 0 0{64}\n${intact}$`)),
      0,
    ]);
    expect(await run({ workspace })).toEqual([expect.stringMatching(new RegExp(`^${intact}$`)), 0]);
    const [text, code] = await run({ file, workspace });
    expect(text).toBe(text.replace(/^(.*) \(file\)(.*)\n.*\n$/, '$1 (file)$2\n$1$2\n'));
    expect([text.split('\n').length, code]).toEqual([3, 0]);
  });

  it('names the broken event, and fails', async () => {
    const workspace = app.workspaceId;
    await tamper(app, `UPDATE audit_events SET actor = '${workspace}' WHERE sequence = 2`);
    const broken = `${workspace}: 2 events, BROKEN at event 2: changed\n`;
    expect(await run({ workspace })).toEqual([broken, 1]);
    expect((await run({}))[0]).toContain(broken);
    await writeFile(file, await exported());
    expect(await run({ file })).toEqual([broken.replace(':', ' (file):'), 1]);
    await writeFile(file, 'x\n');
    expect(await run({ file })).toEqual([`${file}: BROKEN: Line 1 is no JSON.\n`, 1]);
    await writeFile(file, '');
    expect((await run({ file }))[1]).toBe(1);
  });

  it('takes only an id for a workspace', () => {
    expect(command.parseWorkspace('01990000-0000-7000-8000-00000000000A')).toMatch(/a$/);
    expect(() => command.parseWorkspace('default')).toThrow('--workspace wants the id');
  });
});
