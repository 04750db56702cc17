import { applyDecorators, SetMetadata, UseInterceptors } from '@nestjs/common';
import { ConfirmAccess } from './confirm-access.interceptor';

/** Key of the metadata in which a route declares its {@link AssumptionRule}. */
export const ASSUMPTION_METADATA = 'keyrun:assumption';

/** When the caller of a route may be taken as it was a moment ago. */
export interface AssumptionRule {
  /** Lower case. A request with one of these is for more than a start, so its caller is authenticated first. */
  readonly unlessHeaders: readonly string[];
}

/**
 * A route that does nothing but start something, in a statement that confirms who asked for it: the caller may be
 * taken as it was a moment ago ({@link assumedAccess}). When that does not hold any more the handler throws
 * {@link OutdatedAssumption} and is run once more, for the caller as it is.
 */
export function ConfirmedAtStart(rule: AssumptionRule): MethodDecorator {
  return applyDecorators(SetMetadata(ASSUMPTION_METADATA, rule), UseInterceptors(ConfirmAccess));
}
