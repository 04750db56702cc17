import { isUtf8 } from 'node:buffer';
import { raw, type RequestHandler } from 'express';
import { AppError } from '../errors/app-error';
import { findJsonShapeFault, type JsonShapeLimits } from './json-shape';

/** Longest client-chosen field name that an answer repeats. */
const FIELD_NAME_LENGTH_MAX = 64;

/** A body that may hold a conversation, with its tools and their schemas. */
export const LONG_BODY = {
  bytes: 32 * 1024 * 1024,
  shape: { depth: 64, members: 1_000, values: 500_000 },
};
/** Any other body. */
export const SHORT_BODY = {
  bytes: 64 * 1024,
  shape: { depth: 64, members: 1_000, values: 10_000 },
};

/**
 * Reads a JSON body into `request.body`, which stays undefined without one. Its shape is checked before it is
 * parsed, so no later code meets more depth or width than it can take.
 */
export function jsonBody({ bytes, shape }: typeof LONG_BODY): RequestHandler[] {
  return [
    refuseOtherTypes,
    raw({ limit: bytes, type: () => true }),
    (request, _response, next) => {
      const body: unknown = request.body;
      if (Buffer.isBuffer(body)) request.body = parse(body, shape);
      next();
    },
  ];
}

/** A body of another type would be read as no body at all. RFC 8259 knows no charset but UTF-8. */
const refuseOtherTypes: RequestHandler = (request, _response, next) => {
  const hasBody =
    request.headers['transfer-encoding'] !== undefined ||
    Number(request.headers['content-length'] ?? 0) > 0;
  const [type = '', ...parameters] = (request.headers['content-type'] ?? '').split(';');
  const isJson = /^application\/([\w.-]+\+)?json$/i.test(type.trim());
  const charset = parameters.find((parameter) => /^\s*charset\s*=/i.test(parameter));
  const isUtf8Text = charset === undefined || /=\s*"?utf-?8"?\s*$/i.test(charset);
  next(hasBody && !(isJson && isUtf8Text) ? new AppError('unsupported_media_type') : undefined);
};

function parse(body: Buffer, shape: JsonShapeLimits): unknown {
  if (body.length === 0) return {};
  if (!isUtf8(body)) throw new AppError('malformed_json');
  const fault = findJsonShapeFault(body, shape);
  if (fault !== null) throw refuse(fault.field, fault.message);
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8').replace(/^\ufeff/, ''));
  } catch {
    // The parser's message quotes the body.
    throw new AppError('malformed_json');
  }
  if (typeof value !== 'object' || value === null) throw new AppError('malformed_json');
  return value;
}

function refuse(field: string | null, message: string): AppError {
  if (field === null) return new AppError('malformed_json', `The body ${message}.`);
  const name = field.slice(0, FIELD_NAME_LENGTH_MAX).replaceAll('~', '~0').replaceAll('/', '~1');
  const pointer = `/${name}`;
  return new AppError('validation_failed', `Invalid: ${pointer}. See \`errors\`.`, {
    fields: [{ pointer, message }],
  });
}
