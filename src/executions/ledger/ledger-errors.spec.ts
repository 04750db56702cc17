import { isInDoubt } from './ledger-errors';

const errno = (code: string, syscall: string) => {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall });
};

describe('whether a statement may have been carried out', () => {
  it.each([
    ['the connection ended', new Error('Connection terminated unexpectedly')],
    ['it was reset', errno('ECONNRESET', 'read')],
    ['nothing came back', errno('ETIMEDOUT', 'read')],
    ['PostgreSQL is stopped', Object.assign(new Error('stopped'), { code: '57P01' })],
  ])('is not known when %s', (_, error) => {
    expect(isInDoubt(error)).toBe(true);
  });

  it.each([
    ['none was free', new Error('timeout exceeded when trying to connect')],
    ['none was made in time', new Error('Connection terminated due to connection timeout')],
    ['it was refused', errno('ECONNREFUSED', 'connect')],
    ['nobody is there', errno('ETIMEDOUT', 'connect')],
    ['nobody is known', errno('ENOTFOUND', 'getaddrinfo')],
    ['the server shuts down', new Error('Cannot use a pool after calling end on the pool')],
    ['PostgreSQL refused it', Object.assign(new Error('refused'), { code: '23505' })],
  ])('is known when there was no connection or an answer: %s', (_, error) => {
    expect(isInDoubt(error)).toBe(false);
  });
});
