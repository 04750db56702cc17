import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { Client } = require('pg');

/** Runs `work` with the connection of a new, empty database beside the one of the URL. */
export async function withOwnDatabase(url, name, work) {
  const own = new URL(url);
  own.pathname = `/${name}`;
  await execute(url, `CREATE DATABASE ${name}`);
  try {
    return await work(own.href);
  } finally {
    await execute(url, `DROP DATABASE ${name} WITH (FORCE)`);
  }
}

async function execute(url, statement) {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
