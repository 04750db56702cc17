import { CommandFactory } from 'nest-commander';
import { endInOrder, guardOutput } from '../startup';
import { CommandsModule } from './commands.module';

const ROOT_KEY_ID_LIKE_AN_OPTION = /^-[A-Za-z0-9_-]{15}$/;

/** The whole life of `npm run keyrun -- …`: one command, then exit with its code. */
export async function runCommandLine(): Promise<void> {
  guardOutput();
  endInOrder(() => Promise.resolve());
  process.argv = separateRootKeyIds(process.argv);
  await CommandFactory.run(CommandsModule, { logger: false, cliName: 'keyrun' });
  // Key services and databases may keep idle connections.
  process.exit();
}

/** One root key id in 64 begins with a hyphen: it goes behind a `--`, so that it is not taken for an option. */
export function separateRootKeyIds(words: readonly string[]): string[] {
  const isRootKeyId = (word: string) => ROOT_KEY_ID_LIKE_AN_OPTION.test(word);
  if (words.includes('--') || !words.some(isRootKeyId)) return [...words];
  return [...words.filter((word) => !isRootKeyId(word)), '--', ...words.filter(isRootKeyId)];
}
