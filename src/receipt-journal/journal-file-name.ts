const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const NAME = new RegExp(`^(${UUID})\\.(\\d{6,9})\\.(${UUID})\\.journal$`);

/**
 * The name of a journal file. Who holds it is the only part that changes, by a rename: two servers that take over the
 * same file cannot both succeed.
 */
export interface JournalFileName {
  /** Id of the server that wrote the file. */
  readonly writer: string;
  /** Counts the files of one writer. */
  readonly number: number;
  /** Id of the server that settles what is in the file: at first the writer. */
  readonly holder: string;
}

/** The identity of the file, which a rename does not change. */
export function fileIdOf({ writer, number }: JournalFileName): string {
  return `${writer}.${String(number).padStart(6, '0')}`;
}

export function formatFileName(name: JournalFileName): string {
  return `${fileIdOf(name)}.${name.holder}.journal`;
}

/** Null for a file that is none of ours. */
export function parseFileName(text: string): JournalFileName | null {
  const [, writer, number, holder] = NAME.exec(text) ?? [];
  if (writer === undefined || number === undefined || holder === undefined) return null;
  return { writer, number: Number(number), holder };
}
