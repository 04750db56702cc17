import * as fc from 'fast-check';
import { EventSize } from './event-size';

describe('EventSize', () => {
  it.each(['\n', '\r\n', '\r'])('counts from the last empty line (%j)', (newline) => {
    const size = new EventSize();
    const end = newline + newline;
    expect(size.add(Buffer.from(`data: 12${end}`))).toBe(0);
    expect(size.add(Buffer.from(`data: 12${newline}`))).toBe(8 + newline.length);
    expect(size.add(Buffer.from('data: 34'))).toBe(16 + newline.length);
    expect(size.add(Buffer.from(`${end}: ping${end}ab`))).toBe(2);
  });

  it('counts the same however the bytes are cut', () => {
    const text = fc.array(fc.constantFrom('\n', '\r\n', 'a', ':', '\n\n', '\r\n\r\n'));
    const cuts = fc.array(fc.nat(30));
    fc.assert(
      fc.property(text, cuts, (parts, sizes) => {
        const bytes = Buffer.from(parts.join(''));
        const cut = new EventSize();
        let last = 0;
        let at = 0;
        for (const length of [...sizes, bytes.length]) {
          last = cut.add(bytes.subarray(at, at + length));
          at += length;
        }
        expect(last).toBe(new EventSize().add(bytes));
      }),
    );
  });
});
