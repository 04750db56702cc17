import { CryptoRefused } from './crypto.errors';
import { formatWrappedDataKey, keyServiceKeyId, parseWrappedDataKey } from './wrapped-data-key';

const ID = 'Ab3_Ab3-Ab3_Ab3-';
const TEXT = `w1:vault:${ID}:vault:v1:AAAA==`;
const LONGEST = 12_000;

function outcome(text: string): unknown {
  try {
    return parseWrappedDataKey(text);
  } catch (error) {
    if (error instanceof CryptoRefused) return error.code;
    throw error;
  }
}

describe('a wrapped data key as text', () => {
  it('is read as it was written', () => {
    const parts = { scheme: 'vault', rootKeyId: ID, payload: 'vault:v1:AAAA==' };
    expect(formatWrappedDataKey(parts)).toBe(TEXT);
    expect(parseWrappedDataKey(TEXT)).toEqual(parts);
  });

  it('has at most 12,000 characters', () => {
    const longest = TEXT.padEnd(LONGEST, 'A');
    expect(outcome(longest)).toMatchObject({ scheme: 'vault', rootKeyId: ID });
    expect(outcome(`${longest}A`)).toBe('malformed');
  });

  it.each([
    ['nothing', ''],
    ['something in front', ` ${TEXT}`],
    ['something behind', `${TEXT}\n`],
    ['another version', TEXT.replace('w1', 'w2')],
    ['no version', TEXT.slice(3)],
    ['a scheme in capitals', TEXT.replace('vault', 'Vault')],
    ['no scheme', TEXT.replace('vault', '')],
    ['a shorter id', TEXT.replace(ID, ID.slice(1))],
    ['a longer id', TEXT.replace(ID, `${ID}A`)],
    ['a character that ids do not have', TEXT.replace('_', '+')],
    ['no payload', `w1:vault:${ID}:`],
    ['a space in the payload', `${TEXT} A`],
    ['an umlaut in the payload', `${TEXT}ü`],
  ])('is refused with %s', (_name, text) => {
    expect(outcome(text)).toBe('malformed');
  });
});

describe('the id of a root key at a key service', () => {
  it('never changes: stored data keys name it', () => {
    expect(keyServiceKeyId('vault', 'transit/keyrun')).toBe('UPo_lDG4fBSsMflO');
    expect(keyServiceKeyId('awskms', 'arn:aws:kms:eu-central-1:111122223333:key/a')).toBe(
      'AHVjUjGhQpZN9naQ',
    );
  });

  it('differs by the service and by the name, whatever the border between them', () => {
    const ids = [
      keyServiceKeyId('vault', 'a'),
      keyServiceKeyId('awskms', 'a'),
      keyServiceKeyId('vault', 'b'),
      keyServiceKeyId('vaulta', ''),
    ];
    expect(new Set(ids).size).toBe(4);
  });
});
