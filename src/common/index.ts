export { AppError, type AppErrorOptions, type FieldError } from './errors/app-error';
export { describeFailure, type FailureDescription } from './errors/describe-failure';
export { ERROR_CATALOGUE, type ErrorCode } from './errors/error-catalogue';
export { isDatabaseLost, type Problem, ProblemFilter, toProblem } from './errors/problem.filter';
export { EXIT_CODE, StartupError } from './errors/startup-error';
export { checkHost, isLoopbackHost } from './http/host-check';
export { jsonBody, LONG_BODY, SHORT_BODY } from './http/json-body';
export { limitServer, refuseManyHeaders } from './http/server-limits';
export {
  apiHeaders,
  apiReferenceHeaders,
  pageHeaders,
  securityHeaders,
  styleNonce,
} from './http/security-headers';
export { ApiListResponse, type List, ListQuery, toList } from './lists/list';
export { A_MOMENT, RecentValues, type RecentValuesOptions } from './recent-values';
export { ProgressWatch } from './progress/progress-watch';
export { scrub, scrubJson } from './redaction/scrub';
export { Secret } from './secret/secret';
export { IdPipe } from './validation/id.pipe';
export { IsInstant } from './validation/is-instant.decorator';
export { IsPlainText } from './validation/is-plain-text.decorator';
export { MayBeAbsent } from './validation/may-be-absent.decorator';
export { isNestedTooDeeply } from './validation/nesting';
export { RequestValidationPipe } from './validation/request-validation.pipe';
