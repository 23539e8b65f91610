// SPDX-License-Identifier: Apache-2.0
import type { Value } from '../value.js';
import { BUILTIN_TABLE } from './builtin.generated.js';
import {
  ATOMIC_ANY,
  type FieldFlag,
  type FieldSchema,
  isAlways,
  mapSchema,
  type MapSchema,
  scalar,
  type ScalarType,
  type Schema,
} from './schema.js';

/**
 * `['l', item, shape, mergeKey]` a list, `['m', value, atomic]` a map, a number a struct by index, a letter a scalar.
 */
export type TypeCode =
  string | number | readonly ['l', TypeCode, (0 | 'set' | readonly string[])?, string?] | readonly ['m', TypeCode, 1?];
export type FieldRow = readonly [
  name: string,
  type: TypeCode,
  flag: FieldFlag,
  default_?: Value,
  enum_?: readonly Value[],
];
type TypeRow = readonly [name: string, fields: readonly FieldRow[], atomic?: 1];

/** One resource of the built-in API, in the generated table's short names. */
export interface ResourceRow {
  /** Plural. */
  readonly p: string;
  readonly k: string;
  /** Singular. */
  readonly s: string;
  /** Namespaced. */
  readonly n: 0 | 1;
  readonly v: string;
  /** Index of the type, -1 for none. */
  readonly t: number;
  /** Short names. */
  readonly h?: readonly string[];
  /** Categories. */
  readonly c?: readonly string[];
  /** Storage version hash. */
  readonly x?: string;
  /** Subresources: name, group, version and kind of the answer, verbs. */
  readonly u?: readonly (readonly [string, string, string, string, string])[];
}

interface Table {
  readonly version: Readonly<Record<string, string>>;
  readonly groups: readonly (readonly [string, readonly string[]])[];
  readonly resources: Readonly<Record<string, readonly ResourceRow[]>>;
  readonly extra: Readonly<Record<string, number>>;
  readonly types: readonly TypeRow[];
}

const LETTERS: Readonly<Record<string, ScalarType>> = {
  s: 'string',
  b: 'boolean',
  i: 'int32',
  l: 'int64',
  d: 'double',
  q: 'quantity',
  x: 'int-or-string',
  B: 'bytes',
  T: 'time',
  M: 'micro-time',
};

/** The generated table, compiled type by type as it is needed. */
export class BuiltinSchemas {
  readonly table: Table;
  readonly #compiled: (MapSchema | undefined)[] = [];

  constructor() {
    const table: Table = JSON.parse(BUILTIN_TABLE);
    this.table = table;
  }

  /** The schema of a type by its index in the table. */
  struct(index: number): MapSchema {
    const known = this.#compiled[index];
    if (known !== undefined) return known;
    const row = this.table.types[index];
    if (row === undefined) throw new Error(`the generated schema table has no type ${index}`);
    const [name, rows, atomic] = row;
    const fields = new Map<string, FieldSchema>();
    const always: FieldSchema[] = [];
    // Registered before its fields are: types refer to themselves (JSONSchemaProps).
    const schema: MapSchema = { is: 'map', name, fields, atomic: atomic === 1, always };
    this.#compiled[index] = schema;
    for (const [field, type, flag, fallback, allowed] of rows) {
      const entry: FieldSchema = {
        name: field,
        schema: this.#type(type),
        flag,
        ...(fallback === undefined || fallback === 0 ? {} : { default: fallback }),
        ...(allowed === undefined ? {} : { enum: allowed }),
      };
      fields.set(field, entry);
      if (isAlways(flag)) always.push(entry);
    }
    return schema;
  }

  /** The schema of a body that is no resource (Scale, DeleteOptions, …). */
  extra(name: string): MapSchema {
    const index = this.table.extra[name];
    if (index === undefined) throw new Error(`the generated schema table has no ${name}`);
    return this.struct(index);
  }

  #type(code: TypeCode): Schema {
    if (typeof code === 'number') return this.struct(code);
    if (typeof code === 'string') {
      const letter = LETTERS[code];
      return letter === undefined ? ATOMIC_ANY : scalar(letter);
    }
    if (code[0] === 'm') return mapSchema('', new Map(), { rest: this.#type(code[1]), atomic: code[2] === 1 });
    const [, item, shape, mergeKey] = code;
    const keys = Array.isArray(shape) ? shape : [];
    return {
      is: 'list',
      item: this.#type(item),
      shape: shape === 'set' ? 'set' : keys.length > 0 ? 'map' : 'atomic',
      keys,
      ...(mergeKey === undefined ? {} : { mergeKey }),
    };
  }
}

let shared: BuiltinSchemas | undefined;

/** The one copy of the built-in schemas in this process: compiled once, shared by all clusters. */
export function builtinSchemas(): BuiltinSchemas {
  return (shared ??= new BuiltinSchemas());
}
