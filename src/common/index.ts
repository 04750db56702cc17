export { AppError, type AppErrorOptions, type FieldError } from './errors/app-error';
export { ERROR_CATALOGUE, type ErrorCode } from './errors/error-catalogue';
export { type Problem, ProblemFilter } from './errors/problem.filter';
export { EXIT_CODE, StartupError } from './errors/startup-error';
export { ApiListResponse, type List, ListQuery, toList } from './lists/list';
export { Secret } from './secret/secret';
export { IdPipe } from './validation/id.pipe';
export { MayBeAbsent } from './validation/may-be-absent.decorator';
export { RequestValidationPipe } from './validation/request-validation.pipe';
