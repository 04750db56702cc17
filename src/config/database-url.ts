/** The database of the TypeORM command line, which knows no other setting of ours. */
export function databaseUrlOfCommandLine(): string | undefined {
  return process.env.DATABASE_URL;
}
