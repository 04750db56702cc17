import { encodeAssociatedData } from './associated-data';

describe('encodeAssociatedData', () => {
  it('writes each field as uint32be byte length and UTF-8 bytes', () => {
    expect(encodeAssociatedData(['ab', '', 'é', '鍵']).toString('hex')).toBe(
      ['000000026162', '00000000', '00000002c3a9', '00000003e98db5'].join(''),
    );
    expect(encodeAssociatedData([])).toHaveLength(0);
    expect(encodeAssociatedData(['x'.repeat(70_000)]).readUInt32BE(0)).toBe(70_000);
  });

  it('gives different lists of fields different encodings', () => {
    const lists = [
      [],
      [''],
      ['', ''],
      ['ab', 'c'],
      ['a', 'bc'],
      ['abc'],
      ['abc', ''],
      ['', 'abc'],
      ['a', 'b', 'c'],
      ['c', 'b', 'a'],
      ['\0\0\0\u0001a'],
      ['', 'a'],
      ['é'],
      ['e\u0301'],
    ];
    const encodings = lists.map((fields) => encodeAssociatedData(fields).toString('hex'));
    expect(new Set(encodings).size).toBe(lists.length);
  });
});
