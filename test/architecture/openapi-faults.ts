import type { OpenAPIObject } from '@nestjs/swagger';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

interface NamedOperation {
  /** E.g. `get /api/providers`. */
  readonly name: string;
  readonly path: string;
  readonly operation: Operation;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** Every operation of the document. */
export function operationsOf(document: OpenAPIObject): NamedOperation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation === undefined ? [] : { name: `${method} ${path}`, path, operation };
    }),
  );
}

/** What OpenAPI 3.0 forbids and generated code would trip over, and what a reader would miss. */
export function openApiFaults(document: OpenAPIObject): string[] {
  const operations = operationsOf(document);
  return [
    ...(/^3\.0\.\d$/.test(document.openapi) ? [] : [`version ${document.openapi}`]),
    ...operations.flatMap(({ name, path, operation }) => [
      ...parameterFaults(path, operation).map((fault) => `${name}: ${fault}`),
      ...(operation.summary ? [] : [`${name}: no summary`]),
      ...(operation.tags?.length ? [] : [`${name}: no tag`]),
      ...(Object.keys(operation.responses).length > 0 ? [] : [`${name}: no response`]),
    ]),
    ...repeated(operations.map(({ operation }) => operation.operationId ?? '')).map(
      (id) => `operationId ${id} is not unique`,
    ),
    ...schemaFaults(document),
    ...referencesOf(document)
      .filter((reference) => resolve(document, reference) === undefined)
      .map((reference) => `${reference} leads nowhere`),
  ];
}

/** Every `$ref` in the value. */
export function referencesOf(value: unknown): string[] {
  return objectsIn(value).flatMap((entry) => (typeof entry.$ref === 'string' ? [entry.$ref] : []));
}

/** Every property of every schema that the value reaches, references followed. */
export function propertiesBelow(
  document: OpenAPIObject,
  value: unknown,
  visited = new Set<string>(),
): { readonly name: string; readonly type: unknown }[] {
  const direct = objectsIn(value).flatMap(({ properties }) =>
    isObject(properties)
      ? Object.entries(properties).map(([name, schema]) => ({
          name,
          type: isObject(schema) ? schema.type : undefined,
        }))
      : [],
  );
  const fresh = referencesOf(value).filter((reference) => !visited.has(reference));
  return fresh.reduce((found, reference) => {
    if (visited.has(reference)) return found;
    visited.add(reference);
    return [...found, ...propertiesBelow(document, resolve(document, reference), visited)];
  }, direct);
}

function parameterFaults(path: string, operation: Operation): string[] {
  const declared = (operation.parameters ?? []).flatMap((parameter) =>
    'in' in parameter ? [parameter] : [],
  );
  const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  const inPath = declared.filter((parameter) => parameter.in === 'path');
  return [
    ...named
      .filter((name) => !inPath.some((parameter) => parameter.name === name && parameter.required))
      .map((name) => `no path parameter ${name}`),
    ...inPath
      .filter(({ name }) => !named.includes(name))
      .map(({ name }) => `${name} is not in the path`),
    ...repeated(declared.map((parameter) => `${parameter.in} ${parameter.name}`)).map(
      (name) => `parameter ${name} is declared twice`,
    ),
    ...declared
      .filter(({ schema, content }) => schema === undefined && content === undefined)
      .map(({ name }) => `parameter ${name} has no schema`),
  ];
}

const TYPES = ['string', 'number', 'integer', 'boolean', 'array', 'object'];

function schemaFaults(document: OpenAPIObject): string[] {
  return Object.entries(document.components?.schemas ?? {}).flatMap(([name, schema]) =>
    objectsIn(schema).flatMap((part) => [
      ...(typeof part.type !== 'string' || TYPES.includes(part.type)
        ? []
        : [`${name}: type ${part.type}`]),
      ...(part.type === 'array' && part.items === undefined ? [`${name}: array of nothing`] : []),
      ...(Array.isArray(part.required) && isObject(part.properties)
        ? part.required
            .filter((field) => !Object.hasOwn(part.properties as object, String(field)))
            .map((field) => `${name}: requires ${String(field)}, which it does not describe`)
        : []),
    ]),
  );
}

function resolve(document: OpenAPIObject, reference: string): unknown {
  return reference
    .replace(/^#\//, '')
    .split('/')
    .reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), document);
}

function objectsIn(value: unknown): Record<string, unknown>[] {
  if (Array.isArray(value)) return value.flatMap(objectsIn);
  return isObject(value) ? [value, ...Object.values(value).flatMap(objectsIn)] : [];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function repeated(values: readonly string[]): string[] {
  return values.filter((value, index) => values.indexOf(value) < index);
}
