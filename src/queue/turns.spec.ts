import { Turns } from './turns';

describe('Turns', () => {
  let time: number;
  let turns: Turns;

  beforeEach(() => {
    time = 0;
    turns = new Turns(() => time);
  });

  it('passes over whoever had a turn, until nobody else waits', () => {
    expect(turns.served).toEqual([]);
    turns.note(['one', 'one', 'other']);
    expect(turns.served).toEqual(['one', 'other']);
    turns.endRound();
    expect(turns.served).toEqual([]);
  });

  it('believes for a quarter of a second that nobody else waits', () => {
    turns.endRound();
    turns.note(['one']);
    expect(turns.served).toEqual([]);
    time = 249;
    expect(turns.served).toEqual([]);
    time = 250;
    expect(turns.served).toEqual(['one']);
  });

  it('does not grow without end', () => {
    for (let index = 0; index < 5_000; index += 1) turns.note([`workspace ${index}`]);
    expect(turns.served.length).toBeLessThan(1_100);
  });
});
