// Loaded into a server under test with NODE_OPTIONS=--require. At SIGHUP its wall clock jumps by KEYRUN_TEST_CLOCK_JUMP_MS;
// the monotonic clock and timers do not.
const jumpMs = Number(process.env.KEYRUN_TEST_CLOCK_JUMP_MS ?? 0);
const RealDate = Date;
let shiftMs = 0;

globalThis.Date = class Date extends RealDate {
  constructor(...values) {
    if (values.length === 0) super(RealDate.now() + shiftMs);
    else super(...values);
  }

  static now() {
    return RealDate.now() + shiftMs;
  }
};

process.on('SIGHUP', () => {
  shiftMs = jumpMs;
});
