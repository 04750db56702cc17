import { RecentValues } from './recent-values';

describe('RecentValues', () => {
  let time: number;
  let values: RecentValues<string>;

  beforeEach(() => {
    time = 1_000;
    values = new RecentValues({ keptMs: 30, most: 2, now: () => time });
  });

  it('gives a value until its time is over, however often it is used', () => {
    values.set('a', 'first');
    time += 29;
    expect(values.get('a')).toBe('first');
    time += 1;
    expect(values.get('a')).toBeUndefined();
    time -= 1;
    expect(values.get('a')).toBeUndefined();
  });

  it('gives the value that was set last, for as long as one that is new', () => {
    values.set('a', 'first');
    time += 29;
    values.set('a', 'second');
    time += 29;
    expect(values.get('a')).toBe('second');
  });

  it('keeps as many as it may, those that were set last', () => {
    values.set('a', '1');
    values.set('b', '2');
    values.set('a', '3');
    values.set('c', '4');
    expect(['a', 'b', 'c'].map((name) => values.get(name))).toEqual(['3', undefined, '4']);
  });

  it('forgets what it is told to', () => {
    values.set('a', '1');
    values.delete('a');
    expect(values.get('a')).toBeUndefined();
  });
});
