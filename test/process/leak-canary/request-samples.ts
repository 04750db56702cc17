/** As much of a schema of OpenAPI as is needed to make a body. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly example?: unknown;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

export interface Operation {
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
  }[];
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: Schema }>>;
  };
}

type Values = Readonly<Record<string, unknown>>;

/** Bodies for an operation: what it needs, all that it takes, all but ids, and the wrong thing in each place. */
export class RequestSamples {
  constructor(
    private readonly api: OpenApi,
    /** What fields of these names get, wherever they are. */
    private readonly values: Values,
  ) {}

  bodiesOf(operation: Operation, wrong: string): readonly object[] {
    const content = operation.requestBody?.content['application/json'];
    if (content === undefined) return [];
    const { properties = {}, required = [] } = this.resolve(content.schema);
    const all = Object.fromEntries(
      Object.entries(properties).map(([name, schema]) => [name, this.valueOf(name, schema)]),
    );
    const needed = Object.fromEntries(required.map((name) => [name, all[name]]));
    const spoilt = Object.keys(all).flatMap((name) => [
      ...(this.takesAnyObject(properties[name]) ? [] : [{ ...needed, [name]: { [wrong]: wrong } }]),
      ...(this.takesAnyText(name, properties[name]) ? [] : [{ ...needed, [name]: wrong }]),
    ]);
    const unnamed = Object.fromEntries(
      Object.entries(all).filter(([name]) => this.resolve(properties[name]!).format !== 'uuid'),
    );
    return [needed, all, unnamed, { ...needed, unknown: wrong }, ...spoilt];
  }

  /** Such as metadata, which is kept as it is. */
  private takesAnyObject(schema: Schema = {}): boolean {
    const { type, properties } = this.resolve(schema);
    return type === 'object' && properties === undefined;
  }

  /** Where a key would be taken for what it is not: a label is kept and shown, and may be anything. */
  private takesAnyText(name: string, schema: Schema = {}): boolean {
    const { type, format, enum: words } = this.resolve(schema);
    return type === 'string' && format === undefined && words === undefined && name !== 'provider';
  }

  private valueOf(name: string, schema: Schema): unknown {
    if (Object.hasOwn(this.values, name)) return this.values[name];
    const { type, enum: words, format, items, minimum, ...rest } = this.resolve(schema);
    if (rest.example !== undefined) return rest.example;
    if (words !== undefined) return words[0];
    if (rest.default !== undefined) return rest.default;
    if (format === 'date-time') return new Date(Date.now() + 86_400_000).toISOString();
    if (type === 'integer' || type === 'number') return minimum ?? 1;
    if (type === 'boolean') return true;
    if (type === 'array') return items === undefined ? [] : [this.valueOf('', items)];
    return type === 'string' ? 'Canary' : {};
  }

  private resolve(schema: Schema): Schema {
    const name = schema.$ref?.split('/').at(-1);
    return name === undefined ? schema : this.api.components.schemas[name]!;
  }
}
