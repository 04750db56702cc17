import { crc32 } from 'node:zlib';
import { ACCESS_TOKEN_PATTERN, generateAccessToken, isAccessToken } from './access-token.format';

const BASE_62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The checksum, computed another way: the last six digits of the number in base 62. */
function checksumOf(text: string): string {
  const digits = [];
  for (let rest = BigInt(crc32(text)); rest > 0n; rest /= 62n)
    digits.unshift(BASE_62[Number(rest % 62n)]);
  return digits.join('').padStart(6, '0');
}

describe('access tokens as text', () => {
  it('match the pattern that is published for secret scanners', () => {
    for (let count = 0; count < 200; count += 1) {
      const token = generateAccessToken();
      expect(token).toMatch(ACCESS_TOKEN_PATTERN);
      expect(isAccessToken(token)).toBe(true);
    }
  });

  it('end with the CRC-32 of what stands before', () => {
    const token = generateAccessToken();
    expect(token.slice(-6)).toBe(checksumOf(token.slice(0, -6)));
  });

  it('are accepted in the form that was issued first', () => {
    // Frozen: a token that somebody holds must stay valid.
    const random = '000000000011111111112222222222';
    expect(isAccessToken(`kr_pat_${random}${checksumOf(`kr_pat_${random}`)}`)).toBe(true);
  });

  it('are never the same twice, and use every character', () => {
    const tokens = new Set(Array.from({ length: 1_000 }, generateAccessToken));
    expect(tokens.size).toBe(1_000);
    const used = new Set([...tokens].flatMap((token) => Array.from(token.slice(7, 37))));
    expect([...used].sort().join('')).toBe(BASE_62);
  });

  it('favour no character', () => {
    const counts = new Map<string, number>();
    for (let count = 0; count < 2_000; count += 1) {
      for (const character of generateAccessToken().slice(7, 37)) {
        counts.set(character, (counts.get(character) ?? 0) + 1);
      }
    }
    // 60,000 characters, 968 of each expected; six standard deviations are 185. Without the unbiased limit
    // the first eight characters would come a quarter more often (1,172).
    for (const count of counts.values()) expect(Math.abs(count - 968)).toBeLessThan(185);
  });

  it('are refused after any single change', () => {
    const token = generateAccessToken();
    for (let position = 0; position < token.length; position += 1) {
      for (const character of ['0', 'A', 'z', '-', ' ']) {
        if (token[position] === character) continue;
        const changed = `${token.slice(0, position)}${character}${token.slice(position + 1)}`;
        expect([changed, isAccessToken(changed)]).toEqual([changed, false]);
      }
    }
  });

  it('are refused when two neighbours change places', () => {
    const token = generateAccessToken();
    for (let position = 7; position < token.length - 1; position += 1) {
      const [left, right] = [token[position]!, token[position + 1]!];
      if (left === right) continue;
      const swapped = `${token.slice(0, position)}${right}${left}${token.slice(position + 2)}`;
      expect([swapped, isAccessToken(swapped)]).toEqual([swapped, false]);
    }
  });

  it('are refused with anything before or behind', () => {
    const token = generateAccessToken();
    for (const text of ['', ' ', `${token}\n`, ` ${token}`, `${token}0`, token.slice(0, -1)]) {
      expect(isAccessToken(text)).toBe(false);
    }
    expect(isAccessToken(token.toUpperCase())).toBe(false);
  });
});
