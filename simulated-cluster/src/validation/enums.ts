// SPDX-License-Identifier: Apache-2.0
import { type FieldError, fieldErrors } from '../api-failure.js';
import type { FieldSchema, MapSchema, Schema } from '../schema/schema.js';
import { isList, isObj, type Obj, type Value } from '../value.js';

/** Reports values outside the enums of a built-in type. */
export function validateEnums(schema: MapSchema, object: Obj, errors: FieldError[]): void {
  walk(schema, object, '', errors);
}

function walk(schema: Schema, value: Value, path: string, errors: FieldError[]): void {
  if (schema.is === 'list') {
    if (hasEnums(schema.item) && isList(value))
      for (const [index, item] of value.entries()) walk(schema.item, item, `${path}[${index}]`, errors);
    return;
  }
  if (schema.is !== 'map' || !isObj(value)) return;
  if (schema.rest !== undefined && hasEnums(schema.rest)) {
    for (const key in value) {
      const entry = value[key];
      if (entry !== undefined && !schema.fields.has(key)) walk(schema.rest, entry, `${path}[${key}]`, errors);
    }
  }
  for (const field of interesting(schema)) {
    const member = value[field.name];
    if (member === undefined || member === null) continue;
    const at = path === '' ? field.name : `${path}.${field.name}`;
    if (field.enum !== undefined) {
      // Status is written by controllers and checked nowhere.
      if (typeof member === 'string' && member !== '' && !field.enum.includes(member) && !at.startsWith('status')) {
        errors.push(
          fieldErrors.unsupported(
            at,
            member,
            field.enum.filter((entry): entry is string => typeof entry === 'string'),
          ),
        );
      }
    } else walk(field.schema, member, at, errors);
  }
}

const interestingFields = new WeakMap<MapSchema, readonly FieldSchema[]>();

function interesting(schema: MapSchema): readonly FieldSchema[] {
  let found = interestingFields.get(schema);
  if (found === undefined) {
    found = [...schema.fields.values()].filter((field) => field.enum !== undefined || hasEnums(field.schema));
    interestingFields.set(schema, found);
  }
  return found;
}

const answers = new WeakMap<Schema, boolean>();

function hasEnums(schema: Schema): boolean {
  const known = answers.get(schema);
  if (known !== undefined) return known;
  answers.set(schema, false);
  let found = false;
  if (schema.is === 'list') found = hasEnums(schema.item);
  else if (schema.is === 'map') {
    found =
      (schema.rest !== undefined && hasEnums(schema.rest)) ||
      [...schema.fields.values()].some((field) => field.enum !== undefined || hasEnums(field.schema));
  }
  answers.set(schema, found);
  return found;
}
