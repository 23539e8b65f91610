// SPDX-License-Identifier: Apache-2.0
import type { Value } from '../value.js';

/** How Go's JSON encoder writes a field: see `flagOf` in generate.mjs. */
export type FieldFlag = 'o' | 'p' | 'n' | 'r' | 's' | 'z';

/** The scalar types of the API. `untyped` accepts any scalar (int-or-string, quantity). */
export type ScalarType =
  | 'string'
  | 'int32'
  | 'int64'
  | 'double'
  | 'boolean'
  | 'int-or-string'
  | 'quantity'
  | 'bytes'
  | 'time'
  | 'micro-time'
  | 'untyped';

export interface ScalarSchema {
  readonly is: 'scalar';
  readonly type: ScalarType;
}

/** Anything: objects merge field by field, lists are atomic; or, when `atomic`, one leaf. */
export interface AnySchema {
  readonly is: 'any';
  readonly atomic: boolean;
}

export interface ListSchema {
  readonly is: 'list';
  readonly item: Schema;
  readonly shape: 'atomic' | 'set' | 'map';
  readonly keys: readonly string[];
  /** Strategic merge patch: the key to merge items by, '' for a list of scalars; undefined where lists are replaced. */
  readonly mergeKey?: string;
}

export interface FieldSchema {
  readonly name: string;
  readonly schema: Schema;
  readonly flag: FieldFlag;
  /** Also the value that a list-map key takes when an item leaves it out. */
  readonly default?: Value;
  readonly enum?: readonly Value[];
}

/** An object: declared fields and, when `rest` is given, any other key with that type. */
export interface MapSchema {
  readonly is: 'map';
  /** Go's type name, for error texts; empty for maps. */
  readonly name: string;
  readonly fields: ReadonlyMap<string, FieldSchema>;
  readonly rest?: Schema;
  readonly atomic: boolean;
  /** The fields that are written even when empty. */
  readonly always: readonly FieldSchema[];
}

/** The type of a value: what the merge, the decoding and the strict validation go by. */
export type Schema = ScalarSchema | AnySchema | ListSchema | MapSchema;

export const ANY: AnySchema = { is: 'any', atomic: false };
export const ATOMIC_ANY: AnySchema = { is: 'any', atomic: true };

const scalars = new Map<ScalarType, ScalarSchema>();

/** The one schema of a scalar type. */
export function scalar(type: ScalarType): ScalarSchema {
  let found = scalars.get(type);
  if (found === undefined) scalars.set(type, (found = { is: 'scalar', type }));
  return found;
}

/** Whether a field is written even when nothing was given for it. */
export function isAlways(flag: FieldFlag): boolean {
  return flag === 'n' || flag === 'r' || flag === 's';
}

/** A map schema from its fields. */
export function mapSchema(
  name: string,
  fields: ReadonlyMap<string, FieldSchema>,
  options: { readonly rest?: Schema; readonly atomic?: boolean } = {},
): MapSchema {
  const always = [...fields.values()].filter((field) => isAlways(field.flag));
  return {
    is: 'map',
    name,
    fields,
    atomic: options.atomic ?? false,
    always,
    ...(options.rest === undefined ? {} : { rest: options.rest }),
  };
}

/** The type of one member of an object, if it may have it. */
export function memberOf(schema: Schema, key: string): Schema | undefined {
  if (schema.is === 'any') return schema.atomic ? undefined : ANY;
  if (schema.is !== 'map') return undefined;
  return schema.fields.get(key)?.schema ?? schema.rest;
}
