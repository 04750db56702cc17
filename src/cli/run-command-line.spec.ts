import { separateRootKeyIds } from './run-command-line';

describe('the words of the command line', () => {
  const separated = (text: string) => separateRootKeyIds(text.split(' ')).join(' ');

  it('have root key ids that begin with a hyphen behind a --', () => {
    expect(separated('keys retire -RrYyxtbj6vLZ9FX --json')).toBe(
      'keys retire --json -- -RrYyxtbj6vLZ9FX',
    );
    expect(separated('keys retire --hYyxtbj6vLZ9FX')).toBe('keys retire -- --hYyxtbj6vLZ9FX');
  });

  it.each([
    'keys retire ARrYyxtbj6vLZ9FX --json',
    'keys rewrap --batch 500',
    'keys rotate-data-key --workspace 01990000-0000-7000-8000-000000000000',
    'keys retire --json -- -RrYyxtbj6vLZ9FX',
  ])('are otherwise left as they are: %s', (text) => {
    expect(separated(text)).toBe(text);
  });
});
