import { AppError } from '../../common';
import { isConnectionLost, toLedgerError } from './ledger-errors';

const DUPLICATE = '23505';

/**
 * What must be written before anything is sent.
 * @throws {AppError} `ledger_unavailable`; `not_found` when there was nothing to write it for.
 */
export async function writeAhead<Row>(write: () => Promise<Row | undefined>): Promise<Row> {
  try {
    const row = await write();
    if (row === undefined) throw new AppError('not_found', 'No such execution.');
    return row;
  } catch (error) {
    throw toLedgerError(error);
  }
}

/** Tries once more when the answer was lost; `onDuplicate` says what it means that the row is there. */
export async function unlessUnheard<Row>(
  write: () => Promise<Row>,
  onDuplicate: () => Row,
): Promise<Row> {
  try {
    return await write();
  } catch (error) {
    if (!isConnectionLost(error)) throw error;
  }
  try {
    return await write();
  } catch (error) {
    if ((error as { code?: string }).code === DUPLICATE) return onDuplicate();
    throw error;
  }
}

/** A statement of before, of which no answer came, may have been carried out. */
export async function unlessThere<Row>(write: Promise<Row>): Promise<Row | undefined> {
  try {
    return await write;
  } catch (error) {
    if ((error as { code?: string }).code === DUPLICATE) return undefined;
    throw error;
  }
}
