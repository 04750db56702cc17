import type { Response } from 'supertest';
import { ERROR_CATALOGUE, type ErrorCode, type Problem } from '../../src/common';

/**
 * The problem document of an answer, once it has what every problem document must have: the media type, a
 * code of the catalogue with the status of that code, and the id of the request.
 */
export function problemOf(answer: Response): Problem {
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json(;|$)/);
  const problem = JSON.parse(answer.text) as Problem;
  expect(Object.keys(ERROR_CATALOGUE)).toContain(problem.code);
  const { status, title } = ERROR_CATALOGUE[problem.code];
  expect(problem).toMatchObject({
    type: `urn:keyrun:problem:${problem.code}`,
    title,
    status,
    detail: expect.any(String),
    requestId: answer.headers['x-request-id'],
  });
  expect(answer.status).toBe(status);
  return problem;
}

/** Asserts that an answer is the problem document of this code, and returns it. */
export function expectProblem(answer: Response, code: ErrorCode): Problem {
  const problem = problemOf(answer);
  expect(problem.code).toBe(code);
  return problem;
}

/** Asserts `validation_failed`, and returns the pointers of the faulty fields, each once. */
export function faultyFields(answer: Response): string[] {
  const { errors = [] } = expectProblem(answer, 'validation_failed');
  return [...new Set(errors.map(({ pointer }) => pointer))];
}
