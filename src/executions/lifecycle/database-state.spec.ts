import { type DatabaseState, isReplaced } from './database-state';

const BEFORE: DatabaseState = {
  system: '7711767080319840937',
  timeline: '00000001',
  database: '16384',
  position: '9007199254740993',
};

describe('a database', () => {
  it.each([
    ['a promoted standby', { timeline: '00000002', position: '9007199254750000' }],
    ['a dump that was restored into another cluster', { system: '7711767080319840938' }],
    ['a dump that was restored beside it', { database: '16385' }],
    ['an older copy of its files, by one byte', { position: '9007199254740992' }],
  ])('is replaced by %s', (_, change) => {
    expect(isReplaced(BEFORE, { ...BEFORE, ...change })).toBe(true);
  });

  it.each(['9007199254740993', '9007199254740994', '10000000000000000'])(
    'is the same one that goes on, at %s',
    (position) => {
      expect(isReplaced(BEFORE, { ...BEFORE, position })).toBe(false);
    },
  );
});
