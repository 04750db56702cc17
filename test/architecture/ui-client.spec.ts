import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { TestApp } from '../support/test-app';
import { filesBelow, PROJECT_ROOT, readProjectFile } from './project-files';

const CLIENT = 'web/src/client';

describe('the client of the web UI', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'keyrun-client-'));
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const generate = (document: string): Record<string, string> => {
    const script = join(PROJECT_ROOT, 'scripts', 'ui-client.mjs');
    const target = join(folder, 'client');
    const { status, stderr } = spawnSync(process.execPath, [script, document, target], {
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    return contentsOf(relative(PROJECT_ROOT, target));
  };

  it('is made from the document of this server; else: npm run ui:client', async () => {
    const app = await TestApp.start();
    const answer = await app.request('get', '/docs-json', null).expect(200);
    await app.close();
    expect(JSON.parse(readProjectFile('web/openapi.json'))).toEqual(answer.body);
  });

  it('is what the generator makes of it; else: npm run ui:client', () => {
    expect(generate(join(PROJECT_ROOT, 'web', 'openapi.json'))).toEqual(contentsOf(CLIENT));
  });

  it('would differ for another document', () => {
    const document = JSON.parse(readProjectFile('web/openapi.json')) as { paths: object };
    const path = join(folder, 'other.json');
    writeFileSync(path, JSON.stringify({ ...document, paths: {} }));
    expect(generate(path)).not.toEqual(contentsOf(CLIENT));
  });
});

/** Of each file in the folder, by its name. */
function contentsOf(folder: string): Record<string, string> {
  return Object.fromEntries(
    filesBelow(folder, '.ts').map(({ path, text }) => [path.slice(folder.length), text]),
  );
}
