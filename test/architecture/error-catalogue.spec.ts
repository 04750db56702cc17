import { ERROR_CATALOGUE } from '../../src/common';
import { filesBelow, readProjectFile } from './project-files';

interface Row {
  readonly code: string;
  readonly status: number;
  readonly title: string;
  readonly remedy: string;
}

describe('the error catalogue', () => {
  it('is docs/errors.md, word for word', () => {
    const catalogue = Object.entries(ERROR_CATALOGUE).map(([code, entry]) => ({ code, ...entry }));
    expect(documented()).toEqual(catalogue);
  });

  it('has only HTTP error statuses, and sentences', () => {
    for (const [code, { status, title, remedy }] of Object.entries(ERROR_CATALOGUE)) {
      expect([code, status >= 400 && status < 600]).toEqual([code, true]);
      expect([code, title]).toEqual([code, expect.stringMatching(/^[A-Z].*[^.]$/)]);
      expect([code, remedy]).toEqual([code, expect.stringMatching(/^[A-Z].*\.$/)]);
    }
  });

  it('has no code that nothing raises', () => {
    // These two list the codes; a use is anywhere else.
    const lists = ['src/common/errors/error-catalogue.ts', 'src/ai-providers/provider-error.ts'];
    const sources = filesBelow('src', '.ts')
      .filter(({ path }) => !lists.includes(path) && !/\.spec\.ts$|\/testing\//.test(path))
      .map(({ text }) => text)
      .join('\n');
    const unused = Object.keys(ERROR_CATALOGUE).filter((code) => !sources.includes(`'${code}'`));
    expect(unused).toEqual([]);
  });
});

function documented(): Row[] {
  return readProjectFile('docs/errors.md')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, code = '', status, title = '', remedy = '']) => ({
      code: code.replaceAll('`', ''),
      status: Number(status),
      title,
      remedy,
    }));
}
