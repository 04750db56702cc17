import { spawnSync } from 'node:child_process';

/** curl's part in the printed command, for a machine that has none. */
const STAND_IN = `
  const { parseArgs } = require('node:util');
  const { values, positionals } = parseArgs({
    args: process.argv.slice(1),
    allowPositionals: true,
    options: {
      silent: { type: 'boolean', short: 's' },
      header: { type: 'string', short: 'H', multiple: true },
      data: { type: 'string', short: 'd' },
    },
  });
  const headers = values.header.map((line) => line.split(/: (.*)/, 2));
  fetch(positionals[0], { method: 'POST', headers, body: values.data })
    .then((answer) => answer.text())
    .then((text) => process.stdout.write(text));
`;

/** Runs the command that the banner shows, in a shell, exactly as it stands there; its JSON output. */
export function runPrintedCommand(banner: string): unknown {
  const command = /^curl [^]*?\n\n/m.exec(banner)?.[0] ?? 'false';
  const hasCurl = spawnSync('curl', ['--version']).status === 0;
  const preparation = hasCurl ? '' : 'curl() { "$NODE" -e "$STAND_IN" -- "$@"; }\n';
  const { stdout, stderr, status } = spawnSync('/bin/sh', ['-c', preparation + command], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, NODE: process.execPath, STAND_IN },
  });
  if (status !== 0) throw new Error(`the printed command failed: ${stderr}`);
  return JSON.parse(stdout);
}
