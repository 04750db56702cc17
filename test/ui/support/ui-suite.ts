import { UiBench } from './ui-bench';

/** A bench for the tests of a file. After each, no page may have complained of anything unexpected. */
export function useUiBench(): () => UiBench {
  let bench: UiBench | undefined;
  const get = (): UiBench => {
    if (bench === undefined) throw new Error('the bench is not there yet');
    return bench;
  };

  beforeAll(async () => {
    bench = await UiBench.start();
  });

  afterEach(async () => {
    const watched = get().watched.splice(0);

    for (const { page } of watched) await page.context().close();
    expect(watched.flatMap(({ faults }) => faults)).toEqual([]);
  });

  afterAll(async () => {
    await get().close();
  });

  return get;
}
