import { ProgressWatch } from './progress-watch';

describe('ProgressWatch', () => {
  let ticks: (() => void)[];
  let told: string[];
  let watch: ProgressWatch;
  let timers: NodeJS.Timeout[];

  beforeEach(() => {
    ticks = [];
    told = [];
    timers = [];
    watch = new ProgressWatch(3, (tick) => {
      ticks.push(tick);
      timers.push(setInterval(() => undefined, 1_000_000));
      return timers.at(-1)!;
    });
  });

  afterEach(() => {
    for (const timer of timers) clearInterval(timer);
  });

  const wait = (name: string) => watch.wait(() => told.push(name));
  const tick = (count = 1) => {
    for (let index = 0; index < count; index += 1) ticks.at(-1)!();
  };

  it('tells whoever waits when nothing came back for long enough, once', () => {
    wait('one');
    tick(2);
    expect(told).toEqual([]);
    tick();
    expect(told).toEqual(['one']);
    tick(5);
    expect(told).toEqual(['one']);
  });

  it('lets everybody wait as long as there is progress', () => {
    wait('one');
    wait('two');
    for (let round = 0; round < 100; round += 1) {
      tick(2);
      watch.noteProgress();
    }
    expect(told).toEqual([]);
    tick(3);
    expect(told).toEqual(['one', 'two']);
  });

  it('counts from when somebody came, however long nothing came back before', () => {
    wait('one');
    tick(2);
    wait('two');
    tick();
    expect(told).toEqual(['one']);
    tick(2);
    expect(told).toEqual(['one', 'two']);
  });

  it('does not tell those who do not wait any more', () => {
    const end = wait('one');
    wait('two');
    end();
    tick(3);
    expect(told).toEqual(['two']);
  });

  it('stops its clock when nobody waits, and starts it again', () => {
    wait('one')();
    tick();
    expect(ticks).toHaveLength(1);
    wait('two');
    expect(ticks).toHaveLength(2);
    tick(3);
    expect(told).toEqual(['two']);
  });
});
