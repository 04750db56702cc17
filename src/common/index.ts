export { AppError, type AppErrorOptions, type FieldError } from './errors/app-error';
export { ERROR_CATALOGUE, type ErrorCode } from './errors/error-catalogue';
export { EXIT_CODE, StartupError } from './errors/startup-error';
export { Secret } from './secret/secret';
