import { createRequire } from 'node:module';
import { filesBelow } from '../architecture/project-files';

const load = createRequire(__filename);
/** Only specs whose path matches, for a quick look at one file. */
const wanted = new RegExp(process.env.VAULT_SPECS ?? '');

// One file for Jest, so that a mutant pays once, not once per spec, for loading Nest and TypeORM.
for (const { path } of filesBelow('src/crypto', '.spec.ts')) {
  if (!wanted.test(path)) continue;
  // The hooks of a spec are for its own tests.
  describe(path, () => {
    try {
      load(`../../${path}`);
    } catch (error) {
      // Else a mutant that a spec meets while it is loaded would count as one that does not run at all.
      it('is loaded', () => {
        throw error;
      });
    }
  });
}
