/*
 * Who may import whom. test/architecture/arrows.spec.ts proves that every rule here can fail.
 * Type-only imports count: a type of another feature is knowledge of it.
 */
const SPEC_OR_TESTING = '\\.(e2e-)?spec\\.ts$|/testing/';

/**
 * One arrow rule: files of the module may import, of our own code, only these modules and their own.
 * `files` is a pattern of single files that it may import besides.
 */
function mayImportOnly(module, allowed, comment, files = '^$') {
  return {
    name: `${module}-arrows`,
    comment,
    severity: 'error',
    from: { path: `^src/${module}/`, pathNot: SPEC_OR_TESTING },
    to: {
      path: '^(src|migrations|test)/|^ormconfig\\.ts$',
      pathNot: `^src/(${[module, ...allowed].join('|')})/|${files}`,
    },
  };
}

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    mayImportOnly('common', [], 'Everything stands on common, so it knows no feature.'),
    mayImportOnly('config', ['common'], 'Settings are read before anything else exists.'),
    mayImportOnly(
      'database',
      ['common', 'config'],
      'Opens and migrates; the entities come by ormconfig.',
      '^ormconfig\\.ts$',
    ),
    mayImportOnly(
      'telemetry',
      ['common', 'config'],
      'Logs know no feature, so none can be logged.',
    ),
    mayImportOnly(
      'crypto',
      ['audit-trail', 'database', 'common', 'config'],
      'Plaintext and context in, envelope out: the vault knows no feature and no request.',
    ),
    mayImportOnly(
      'outbound',
      ['common', 'config'],
      'Says where anything may be sent, whoever sends it and whatever it is.',
    ),
    mayImportOnly(
      'ai-providers',
      ['outbound', 'common', 'config'],
      'Talks to vendors with the key it is handed; it never sees a stored key or a database row.',
    ),
    mayImportOnly(
      'audit-trail',
      ['database', 'common', 'config'],
      'Every feature writes to the trail, so it stands below them all.',
    ),
    mayImportOnly(
      'audit',
      ['audit-trail', 'workspaces', 'database', 'common', 'config'],
      'Reads and verifies the trail for people.',
    ),
    mayImportOnly(
      'queue',
      ['database', 'common', 'config'],
      'Carries ids of executions and knows nothing of what they are.',
    ),
    mayImportOnly(
      'workspaces',
      ['audit-trail', 'crypto', 'database', 'common', 'config'],
      'Tenants and tokens stand below every feature; crypto makes data keys and token digests.',
    ),
    mayImportOnly(
      'api-keys',
      ['audit-trail', 'crypto', 'ai-providers', 'workspaces', 'database', 'common', 'config'],
      'Stores and opens keys, and asks a provider whether one works. Never the reverse.',
    ),
    mayImportOnly(
      'content',
      ['crypto', 'database', 'common'],
      'Seals the prompts and answers of a workspace; it knows neither executions nor provider keys.',
    ),
    mayImportOnly(
      'receipt-journal',
      ['crypto', 'config'],
      'Keeps receipts on this machine, whatever they say and even while the database is away.',
    ),
    mayImportOnly(
      'executions',
      [
        'content',
        'queue',
        'receipt-journal',
        'api-keys',
        'ai-providers',
        'workspaces',
        'database',
        'common',
        'config',
      ],
      'Runs on a credential that api-keys resolved.',
    ),
    mayImportOnly(
      'usage',
      ['ai-providers', 'workspaces', 'database', 'common', 'config'],
      'Adds up the rows of the ledger by statements of its own; ai-providers formats money.',
    ),
    mayImportOnly(
      'webhooks',
      ['outbound', 'audit-trail', 'crypto', 'workspaces', 'database', 'common', 'config'],
      'Sends what the ledger queued for it; it knows no execution but the copy in the queue.',
    ),
    mayImportOnly(
      'health',
      ['executions', 'receipt-journal', 'api-keys', 'workspaces', 'common', 'config'],
      'Tells whether the parts answer and how many keys do not open.',
    ),
    mayImportOnly('web-ui', ['common'], 'Serves built files; the UI itself talks to HTTP only.'),
    mayImportOnly(
      'startup',
      ['workspaces', 'crypto', 'database', 'common', 'config'],
      'Opens database, root key and application, in this order; serves no feature itself.',
      '^src/app\\.(module|setup)\\.ts$',
    ),
    mayImportOnly(
      'cli',
      [
        ...['startup', 'api-keys', 'content', 'webhooks', 'audit', 'audit-trail', 'crypto'],
        ...['database', 'common', 'config'],
      ],
      'Maintains keys and verifies the audit trail, beside the server or without it.',
    ),
    {
      name: 'executions-cannot-decrypt',
      comment:
        'The missing arrow is the security statement: whoever takes over an execution cannot open a key.',
      severity: 'error',
      from: { path: '^src/executions/' },
      to: { path: '^src/crypto/' },
    },
    {
      name: 'vendor-sdks-in-providers-only',
      comment:
        'A new version of a vendor SDK must not reach further than the file of its provider.',
      severity: 'error',
      from: {
        path: '^(src|migrations)/|^ormconfig\\.ts$',
        pathNot: `^src/ai-providers/providers/|${SPEC_OR_TESTING}`,
      },
      to: { path: 'node_modules/(openai|@anthropic-ai/sdk)/' },
    },
    {
      name: 'providers-without-database-or-http',
      comment: 'ai-providers has no row to read and no route to serve.',
      severity: 'error',
      from: { path: '^src/ai-providers/', pathNot: SPEC_OR_TESTING },
      to: { path: 'node_modules/(typeorm|pg|express|@nestjs/(swagger|platform-express))/' },
    },
    {
      name: 'crypto-without-http',
      comment:
        'No request reaches the vault, and it sends none but those of the clients of key services.',
      severity: 'error',
      from: {
        path: '^src/crypto/',
        pathNot: `^src/crypto/key-services/[^/]+\\.client\\.ts$|${SPEC_OR_TESTING}`,
      },
      to: {
        path: '^(node:)?https?2?$|node_modules/(express|undici|@nestjs/(swagger|platform-express))/',
      },
    },
    {
      name: 'modules-by-their-index',
      comment: 'Between modules, only what index.ts promises; the inside may change at any time.',
      severity: 'error',
      from: { path: '^src/([^/]+)/', pathNot: SPEC_OR_TESTING },
      to: { path: '^src/[^/]+/', pathNot: '^src/$1/|^src/[^/]+/index\\.ts$' },
    },
    {
      name: 'root-files-by-the-index',
      comment: 'app.module, app.setup and main see what every other module sees.',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$', pathNot: SPEC_OR_TESTING },
      to: { path: '^src/[^/]+/', pathNot: '^src/[^/]+/index\\.ts$' },
    },
    {
      name: 'ormconfig-imports-entities-only',
      comment:
        'The command line loads ormconfig: it must not pull the application in with it, but how it connects.',
      severity: 'error',
      from: { path: '^ormconfig\\.ts$' },
      to: {
        path: '^(src|test)/',
        pathNot: '\\.entity\\.ts$|^src/config/database-url\\.ts$|^src/database/watched-pool\\.ts$',
      },
    },
    {
      name: 'migrations-import-nothing-of-ours',
      comment:
        'A migration must mean tomorrow what it meant when it was written. An earlier one may be read: it does not change either.',
      severity: 'error',
      from: { path: '^migrations/' },
      to: { path: '^(src|test)/|^ormconfig\\.ts$' },
    },
    {
      name: 'migrations-in-ormconfig-only',
      comment: 'One list of migrations, for the application, the tests and the command line.',
      severity: 'error',
      from: { path: '^(src|test)/' },
      to: { path: '^migrations/' },
    },
    {
      name: 'no-cycles',
      comment: 'A cycle is one module in two folders. Type-only imports are no excuse.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment:
        'Nobody imports it and it imports nobody: forgotten code. Node itself loads what is in preload/.',
      severity: 'error',
      from: {
        orphan: true,
        path: '^(src|test)/',
        pathNot: '\\.(e2e-)?spec\\.ts$|^test/process/preload/',
      },
      to: {},
    },
    {
      name: 'reachable-from-main',
      comment:
        'Code that neither server nor command line can reach: delete it, or move it to testing/.',
      severity: 'error',
      from: { path: '^src/(main|cli)\\.ts$' },
      to: {
        path: '^(src|migrations)/',
        pathNot: `^src/(main|cli)\\.ts$|${SPEC_OR_TESTING}`,
        reachable: false,
      },
    },
    {
      name: 'production-without-tests',
      comment: 'Production code that knows about tests behaves differently in them.',
      severity: 'error',
      from: { path: '^(src|migrations)/|^ormconfig\\.ts$', pathNot: SPEC_OR_TESTING },
      to: { path: `^test/|${SPEC_OR_TESTING}` },
    },
    {
      name: 'every-module-in-app-module',
      comment: 'A module that app.module does not reach is not part of the application.',
      severity: 'error',
      from: { path: '^src/app\\.module\\.ts$' },
      to: { path: '^src/.+\\.module\\.ts$', pathNot: '^src/cli/', reachable: false },
    },
    {
      name: 'app-module-at-the-top',
      comment:
        'The whole application is taken by the start and by tests; a feature takes what it needs.',
      severity: 'error',
      from: {
        path: '^(src|migrations)/|^ormconfig\\.ts$',
        pathNot: `^src/startup/|^src/app\\.setup\\.ts$|${SPEC_OR_TESTING}`,
      },
      to: { path: '^src/app\\.(module|setup)\\.ts$' },
    },
    {
      name: 'startup-for-main-only',
      comment:
        'The start owns the process and its exit code: only main.ts runs it, and the command line reads its files.',
      severity: 'error',
      from: {
        path: '^(src|migrations)/|^ormconfig\\.ts$',
        pathNot: '^src/(startup/|cli/|main\\.ts$)',
      },
      to: { path: '^src/startup/' },
    },
    {
      name: 'nothing-imports-main',
      comment: 'Importing main.ts starts a server.',
      severity: 'error',
      from: {},
      to: { path: '^src/main\\.ts$' },
    },
    {
      name: 'nothing-imports-the-command-line',
      comment: 'Importing cli.ts runs a command, whose connection sees every workspace.',
      severity: 'error',
      from: { pathNot: `^src/(cli/|cli\\.ts$)|^test/|${SPEC_OR_TESTING}` },
      to: { path: '^src/cli(/|\\.ts$)' },
    },
    {
      name: 'no-development-dependencies',
      comment: 'npm ci --omit=dev must leave a server that starts.',
      severity: 'error',
      from: { path: '^(src|migrations)/|^ormconfig\\.ts$', pathNot: SPEC_OR_TESTING },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm', 'type-only'] },
    },
    {
      name: 'only-declared-packages',
      comment: 'A package that package.json does not name may be gone after the next npm ci.',
      severity: 'error',
      from: { path: '^(src|migrations|test)/|^ormconfig\\.ts$' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown', 'undetermined'] },
    },
    {
      name: 'everything-resolves',
      comment: 'An import of nothing.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['require', 'node', 'import', 'default', 'types'],
      extensions: ['.ts', '.js', '.json', '.d.ts'],
    },
  },
};
