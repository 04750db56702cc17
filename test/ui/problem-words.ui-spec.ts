import { Problem, toProblem } from '../../web/src/http/problem';

const VALIDATION = {
  code: 'validation_failed',
  title: 'The request has invalid fields',
  detail: 'Invalid: ?status. See `errors`.',
  errors: [{ pointer: '?status', message: 'must be one of queued, running' }],
};

describe('what a page says of a problem', () => {
  const answer = (headers: Record<string, string>) => new Response(null, { status: 429, headers });

  it.each([
    ['Too many requests', 'Wait for Retry-After, then repeat more slowly.', 'Try again in 17 s.'],
    ['Too many requests', 'Too many. Wait for Retry-After.', 'Too many. Try again in 17 s.'],
    [
      'Not ready',
      'Repeat after Retry-After. The log says why.',
      'Try again in 17 s. The log says why.',
    ],
  ])('counts the seconds of Retry-After: %s, %s', (title, detail, words) => {
    const problem = toProblem({ title, detail }, answer({ 'retry-after': '17' }));
    expect(problem.explanation).toBe(words);
  });

  it.each([{}, { 'retry-after': 'soon' }])(
    'names no seconds that it does not know: %j',
    (headers) => {
      const detail = 'Wait for Retry-After, then repeat.';
      expect(toProblem({ detail }, answer(headers as Record<string, string>)).explanation).toBe(
        'Try again in a moment.',
      );
    },
  );

  it('leaves to the list of fields what it tells of them', () => {
    const problem = new Problem(VALIDATION);
    expect(problem.explanation).toBe('');
    expect(problem.message).toBe(VALIDATION.title);
    expect(problem.fields).toEqual(VALIDATION.errors);
  });

  it.each([
    ['Not found', 'Not found', ''],
    ['Not found', 'Not found. Check the id.', 'Check the id.'],
    ['Not found', 'not found: check the id.', 'Check the id.'],
    ['Not found', 'Not founded on anything.', 'Not founded on anything.'],
  ])('says a title once: %s, %s', (title, detail, words) => {
    expect(new Problem({ title, detail }).explanation).toBe(words);
  });

  it('speaks of no header to a person', () => {
    const detail = 'Send `Authorization: Bearer kr_pat_…`.';
    expect(new Problem({ code: 'unauthenticated', detail }).message).toBe('Sign in again.');
  });
});
