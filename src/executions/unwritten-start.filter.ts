import { type ArgumentsHost, Catch } from '@nestjs/common';
import { isDatabaseLost, ProblemFilter } from '../common';
import { ledgerUnavailable } from './ledger/ledger-errors';

/**
 * For the route that starts executions: a database that cannot be asked, by whatever comes before the start, cannot be
 * written either. So nothing was sent, which the client is told.
 */
@Catch()
export class UnwrittenStartFilter extends ProblemFilter {
  override catch(error: unknown, host: ArgumentsHost): void {
    super.catch(isDatabaseLost(error) ? ledgerUnavailable(error) : error, host);
  }
}
