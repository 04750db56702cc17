// The receipt journal of dist/ on its own: no database, one data key in memory.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
require('reflect-metadata');
const {
  DataKeys,
  generateRootKey,
  JournalKeys,
  LocalKeyEncryption,
  parseRootKey,
} = require('../../dist/src/crypto/index.js');
const { Secret } = require('../../dist/src/common/index.js');
const { ReceiptJournal } = require('../../dist/src/receipt-journal/index.js');

/** `rows` is the table of data keys: empty, one is made; else as another process left it. */
export function makeJournal(directory, { rootKey = generateRootKey().expose(), rows = [] } = {}) {
  const table = {
    findActive: async () => rows[0] ?? null,
    findById: async (_, id) => rows.find((row) => row.id === id) ?? null,
    insert: async (row) => rows.push(row) > 0,
  };
  const encryption = new LocalKeyEncryption(parseRootKey(new Secret(rootKey), 'bench'));
  const dataKeys = new DataKeys(encryption, table);
  return new ReceiptJournal({ directory, maximumBytes: 2 ** 30 }, new JournalKeys(dataKeys));
}
