import type { WakeUp } from './execution-queue';
import { Gate } from './testing/queue-bench';
import { WakeUpLoop, type WakeUpSource } from './wake-up-loop';

const WAKE_UP: WakeUp = { executionId: 'an execution', workspaceId: 'a workspace' };

/** Answers when the test says so. */
class SlowSource implements WakeUpSource {
  readonly asked = new Gate();
  readonly answer = new Gate();
  readonly returned: WakeUp[] = [];

  async take(): Promise<readonly WakeUp[]> {
    this.asked.open();
    await this.answer.opened;
    return [WAKE_UP];
  }

  giveBack(wakeUps: readonly WakeUp[]): Promise<void> {
    this.returned.push(...wakeUps);
    return Promise.resolve();
  }

  handlerFailed = jest.fn();
  takingFailed = jest.fn();
}

describe('WakeUpLoop', () => {
  it('gives back what arrives after the stop', async () => {
    const source = new SlowSource();
    const handler = jest.fn();
    const loop = new WakeUpLoop(source, handler, 5);
    await source.asked.opened;
    const stopped = loop.stop();
    source.answer.open();
    await stopped;
    expect(source.returned).toEqual([WAKE_UP]);
    expect(handler).not.toHaveBeenCalled();
  });

  it('tells of a source that fails, and asks it again', async () => {
    const again = new Gate();
    const source = new SlowSource();
    let asked = 0;
    source.take = () => {
      asked += 1;
      if (asked === 2) again.open();
      return asked === 1 ? Promise.reject(new Error('away')) : Promise.resolve([]);
    };
    const loop = new WakeUpLoop(source, jest.fn(), 5);
    loop.ring();
    await again.opened;
    expect(source.takingFailed).toHaveBeenCalledTimes(1);
    await loop.stop();
  });
});
