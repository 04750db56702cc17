import { isGroupBy } from './usage-dimensions';

describe('what a report is grouped by', () => {
  it.each(['day', 'model,day', 'day,provider,model,agent,apiKey'])('may be %s', (text) => {
    expect(isGroupBy(text)).toBe(true);
  });

  it.each([
    '',
    ',',
    'day,',
    ',day',
    'day,day',
    'week',
    'toString',
    'day, model',
    'day\n',
    7,
    ['day'],
  ])('is not %j', (value) => {
    expect(isGroupBy(value)).toBe(false);
  });

  it('is refused at once, however long it is', () => {
    const words = Array.from({ length: 200_000 }, (_, index) => `w${index}`);
    expect(isGroupBy(words.join(','))).toBe(false);
    expect(isGroupBy(words.join(' '))).toBe(false);
    expect(isGroupBy(`${'day,'.repeat(200_000)}day`)).toBe(false);
  });
});
