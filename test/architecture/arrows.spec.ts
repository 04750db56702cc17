import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PROJECT_ROOT } from './project-files';

interface Rule {
  readonly name: string;
  readonly comment: string;
}

const CONFIGURATION = join(PROJECT_ROOT, '.dependency-cruiser.cjs');
const { forbidden: rules } = createRequire(__filename)(CONFIGURATION) as { forbidden: Rule[] };

/** A small tree in which every arrow that is allowed is drawn. Each value: what the file imports. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'ormconfig.ts': [
    'typeorm',
    './src/api-keys/api-key.entity',
    './src/config/database-url',
    './src/database/watched-pool',
    './migrations/1-first',
  ],
  'migrations/1-first.ts': ['typeorm'],
  'src/main.ts': ['./startup'],
  'src/cli.ts': ['./cli/index'],
  'src/cli/index.ts': [
    ...['startup', 'api-keys', 'content', 'webhooks', 'audit', 'audit-trail', 'crypto'],
    ...['database', 'common', 'config'],
  ].map((module) => `../${module}`),
  'src/app.setup.ts': ['./common', './web-ui', 'express'],
  'src/app.module.ts': [
    ...['ai-providers', 'api-keys', 'audit', 'common', 'config', 'crypto', 'database'],
    ...['content', 'executions', 'health', 'queue', 'receipt-journal'],
    ...['telemetry', 'usage', 'webhooks', 'workspaces'],
  ].map((module) => `./${module}`),
  'src/startup/index.ts': ['../app.module', '../app.setup', '../database', '../crypto'],
  'src/common/index.ts': ['express'],
  'src/config/index.ts': ['../common'],
  'src/config/database-url.ts': ['node:path'],
  'src/database/index.ts': ['../../ormconfig', '../config', 'pg'],
  'src/database/watched-pool.ts': ['../common', 'pg'],
  'src/telemetry/index.ts': ['../config'],
  'src/crypto/index.ts': [
    '../audit-trail',
    '../common',
    './inside',
    './key-services/one.client',
    'typeorm',
  ],
  'src/crypto/inside.ts': ['node:crypto'],
  'src/crypto/key-services/one.client.ts': ['undici'],
  'src/crypto/crypto.service.spec.ts': ['../api-keys/api-key.entity', '../../test/support/app'],
  'src/audit-trail/index.ts': ['../common', '../database', 'typeorm'],
  'src/audit/index.ts': ['../audit-trail', '../workspaces', '../database', '../common'],
  'src/queue/index.ts': ['../database', '../common', 'typeorm'],
  'src/workspaces/index.ts': [
    '../audit-trail',
    '../database',
    '../crypto',
    '../common',
    '../config',
    'express',
  ],
  'src/outbound/index.ts': ['../common', '../config', 'undici'],
  'src/webhooks/index.ts': [
    ...['outbound', 'audit-trail', 'crypto', 'workspaces', 'database', 'common', 'config'],
  ].map((module) => `../${module}`),
  'src/ai-providers/index.ts': [
    '../outbound',
    '../common',
    '../config',
    './providers/one.provider',
    'undici',
  ],
  'src/ai-providers/providers/one.provider.ts': ['openai', '@anthropic-ai/sdk'],
  'src/ai-providers/testing/contract.ts': ['openai', 'jest'],
  'src/api-keys/index.ts': ['../crypto', '../ai-providers', '../workspaces', './api-key.entity'],
  'src/api-keys/api-key.entity.ts': ['typeorm'],
  'src/content/index.ts': ['../crypto', '../database', '../common'],
  'src/receipt-journal/index.ts': ['../crypto', '../config'],
  'src/executions/index.ts': [
    '../content',
    '../queue',
    '../receipt-journal',
    '../api-keys',
    '../ai-providers',
    '../workspaces',
    '../common',
  ],
  'src/usage/index.ts': ['../ai-providers', '../workspaces', '../database', '../common'],
  'src/health/index.ts': ['../api-keys', '../executions', '../receipt-journal', '../workspaces'],
  'src/web-ui/index.ts': ['../common', 'express'],
  'test/support/app.ts': ['../../src/app.module', '../../src/api-keys/api-key.entity'],
  'test/app.spec.ts': ['./support/app', 'jest'],
};

/** What each rule is there to refuse: the file that offends, and what it imports. */
const OFFENCES: readonly (readonly [rule: string, file: string, imports: string])[] = [
  ['common-arrows', 'src/common/bad.ts', '../config'],
  ['config-arrows', 'src/config/bad.ts', '../workspaces'],
  ['database-arrows', 'src/database/bad.ts', '../executions'],
  ['telemetry-arrows', 'src/telemetry/bad.ts', '../api-keys'],
  ['crypto-arrows', 'src/crypto/bad.ts', '../api-keys'],
  ['crypto-arrows', 'src/crypto/worse.ts', '../../ormconfig'],
  ['ai-providers-arrows', 'src/ai-providers/bad.ts', '../executions'],
  ['ai-providers-arrows', 'src/ai-providers/worse.ts', '../crypto'],
  ['outbound-arrows', 'src/outbound/bad.ts', '../ai-providers'],
  ['webhooks-arrows', 'src/webhooks/bad.ts', '../executions'],
  ['webhooks-arrows', 'src/webhooks/worse.ts', '../ai-providers'],
  ['workspaces-arrows', 'src/workspaces/bad.ts', '../ai-providers'],
  ['api-keys-arrows', 'src/api-keys/bad.ts', '../executions'],
  ['content-arrows', 'src/content/bad.ts', '../api-keys'],
  ['queue-arrows', 'src/queue/bad.ts', '../executions'],
  ['receipt-journal-arrows', 'src/receipt-journal/bad.ts', '../database'],
  ['executions-arrows', 'src/executions/bad.ts', '../audit'],
  ['audit-arrows', 'src/audit/bad.ts', '../executions'],
  ['audit-trail-arrows', 'src/audit-trail/bad.ts', '../workspaces'],
  ['executions-cannot-decrypt', 'src/executions/worse.ts', '../crypto'],
  ['executions-cannot-decrypt', 'src/executions/worst.spec.ts', '../crypto/inside'],
  ['executions-cannot-decrypt', 'src/executions/type-only.ts', 'type ../crypto'],
  ['usage-arrows', 'src/usage/bad.ts', '../executions'],
  ['health-arrows', 'src/health/bad.ts', '../crypto'],
  ['web-ui-arrows', 'src/web-ui/bad.ts', '../config'],
  ['startup-arrows', 'src/startup/bad.ts', '../executions'],
  ['cli-arrows', 'src/cli/bad.ts', '../executions'],
  ['vendor-sdks-in-providers-only', 'src/ai-providers/sdk.ts', 'openai'],
  ['vendor-sdks-in-providers-only', 'src/executions/sdk.ts', '@anthropic-ai/sdk'],
  ['providers-without-database-or-http', 'src/ai-providers/row.ts', 'typeorm'],
  ['crypto-without-http', 'src/crypto/door.ts', 'node:http'],
  ['crypto-without-http', 'src/crypto/way-out.ts', 'undici'],
  ['crypto-without-http', 'src/crypto/key-services/gate.ts', 'undici'],
  ['modules-by-their-index', 'src/api-keys/inside.ts', '../crypto/inside'],
  ['root-files-by-the-index', 'src/app.extra.ts', './crypto/inside'],
  ['ormconfig-imports-entities-only', 'ormconfig.ts', './src/crypto/inside'],
  ['migrations-import-nothing-of-ours', 'migrations/2-second.ts', '../src/api-keys/api-key.entity'],
  ['migrations-in-ormconfig-only', 'src/database/list.ts', '../../migrations/1-first'],
  ['no-cycles', 'src/common/one.ts', './two'],
  ['no-cycles', 'src/common/two.ts', './one'],
  ['no-orphans', 'src/common/forgotten.ts', ''],
  ['reachable-from-main', 'src/common/unreached.ts', './index'],
  ['production-without-tests', 'src/workspaces/bad-test.ts', '../../test/support/app'],
  ['production-without-tests', 'src/crypto/bad-test.ts', './crypto.service.spec'],
  ['production-without-tests', 'src/ai-providers/bad-test.ts', './testing/contract'],
  ['every-module-in-app-module', 'src/health/lonely.module.ts', '../common'],
  ['app-module-at-the-top', 'src/health/hub.ts', '../app.module'],
  ['startup-for-main-only', 'src/app.start.ts', './startup'],
  ['nothing-imports-main', 'test/run.ts', '../src/main'],
  ['nothing-imports-the-command-line', 'src/health/command.ts', '../cli'],
  ['no-development-dependencies', 'src/health/fake.ts', 'jest'],
  ['only-declared-packages', 'src/health/package.ts', 'undeclared'],
  ['everything-resolves', 'src/health/nowhere.ts', './nowhere-at-all'],
];

const DECLARED = ['@anthropic-ai/sdk', 'express', 'openai', 'pg', 'typeorm', 'undici'];

describe('dependency rules', () => {
  let tree: string;

  beforeAll(() => {
    tree = mkdtempSync(join(tmpdir(), 'keyrun-arrows-'));
    for (const name of [...DECLARED, 'jest', 'undeclared']) {
      write(tree, `node_modules/${name}/package.json`, JSON.stringify({ name, main: 'index.js' }));
      write(tree, `node_modules/${name}/index.js`, '');
    }
    const dependencies = Object.fromEntries(DECLARED.map((name) => [name, '*']));
    write(tree, 'package.json', JSON.stringify({ dependencies, devDependencies: { jest: '*' } }));
    write(tree, 'tsconfig.json', '{}');
    for (const [file, imports] of Object.entries(ALLOWED)) writeImports(tree, file, imports);
  });

  afterAll(() => {
    rmSync(tree, { recursive: true });
  });

  it('hold in this project', () => {
    expect(violationsIn(PROJECT_ROOT)).toEqual([]);
  });

  it('allow every arrow of the design, and each can fail', () => {
    expect(violationsIn(tree)).toEqual([]);
    for (const [, file, imports] of OFFENCES) {
      writeImports(tree, file, [...(ALLOWED[file] ?? []), imports]);
    }
    const found = violationsIn(tree);
    const missed = OFFENCES.filter(
      ([rule, file]) => !found.some((violation) => isAbout(violation, rule, file)),
    );
    expect(missed).toEqual([]);
  });

  it('each say why and have an offence here', () => {
    expect(rules.filter((rule) => rule.comment === '')).toEqual([]);
    const proven = new Set(OFFENCES.map(([rule]) => rule));
    expect([...proven].sort()).toEqual(rules.map((rule) => rule.name).sort());
  });

  it('name the arrows of every module', () => {
    const modules = readdirSync(join(PROJECT_ROOT, 'src'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${entry.name}-arrows`);
    const names = rules.map((rule) => rule.name).filter((name) => name.endsWith('-arrows'));
    expect(names.sort()).toEqual(modules.sort());
  });
});

interface Violation {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string };
}

/** A rule about what cannot be reached names the file as the target of the missing way. */
function isAbout(violation: Violation, rule: string, file: string): boolean {
  return violation.rule.name === rule && (violation.from === file || violation.to === file);
}

function violationsIn(root: string): readonly Violation[] {
  const cruiser = join(PROJECT_ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const words = ['--config', CONFIGURATION, '--output-type', 'json'];
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [cruiser, ...words, 'src', 'migrations', 'test', 'ormconfig.ts'],
    { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  if (stdout === '') throw new Error(`dependency-cruiser did not run: ${stderr}`);
  const { summary } = JSON.parse(stdout) as { summary: { violations: Violation[] } };
  return summary.violations;
}

function writeImports(root: string, file: string, imports: readonly string[]): void {
  const lines = imports
    .filter((name) => name !== '')
    .map((name) =>
      name.startsWith('type ')
        ? `import type * as types from '${name.slice('type '.length)}';\n`
        : `import '${name}';\n`,
    );
  write(root, file, lines.join(''));
}

function write(root: string, file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}
