// SPDX-License-Identifier: Apache-2.0
import type { FieldSchema, MapSchema, Schema } from '../schema/schema.js';
import type { Obj } from '../value.js';
import { type Draft, draftOf, type DraftValue, fill, isDraft } from './draft.js';
import { OBJECT_DEFAULTS, STRUCT_DEFAULTS } from './struct-defaults.js';

/** The object with the API server's defaults of its built-in kind. */
export function withDefaults(schema: MapSchema, group: string, version: string, object: Obj): Obj {
  const kind = schema.name;
  const whole = OBJECT_DEFAULTS[`${group}/${version}/${kind}`] ?? OBJECT_DEFAULTS[`${group}/${kind}`];
  if (whole === undefined && !hasDefaults(schema)) return object;
  const draft = draftOf(object);
  whole?.(draft, schema);
  walkStruct(schema, draft);
  return draft;
}

function walkStruct(schema: MapSchema, draft: Draft): void {
  STRUCT_DEFAULTS[schema.name]?.(draft, schema);
  for (const field of interesting(schema)) {
    if (field.default !== undefined && typeof field.default === 'string') fill(draft, field.name, field.default);
    const value = draft[field.name];
    if (value !== undefined) walk(field.schema, value);
  }
}

function walk(schema: Schema, value: DraftValue): void {
  if (schema.is === 'list' && Array.isArray(value)) for (const item of value) walk(schema.item, item);
  if (schema.is !== 'map' || !isDraft(value)) return;
  if (schema.name !== '') walkStruct(schema, value);
  else if (schema.rest !== undefined)
    for (const entry of Object.values(value)) if (entry !== undefined) walk(schema.rest, entry);
}

const interestingFields = new WeakMap<MapSchema, readonly FieldSchema[]>();

/** The fields that have a default or something with defaults below: the rest of the object need not be looked at. */
function interesting(schema: MapSchema): readonly FieldSchema[] {
  let found = interestingFields.get(schema);
  if (found === undefined) {
    found = [...schema.fields.values()].filter((field) => field.default !== undefined || hasDefaults(field.schema));
    interestingFields.set(schema, found);
  }
  return found;
}

const answers = new WeakMap<Schema, boolean>();

function hasDefaults(schema: Schema): boolean {
  const known = answers.get(schema);
  if (known !== undefined) return known;
  // Self-reference counts as no: a type has defaults only if something other than itself does.
  answers.set(schema, false);
  let found = false;
  if (schema.is === 'list') found = hasDefaults(schema.item);
  else if (schema.is === 'map') {
    found =
      STRUCT_DEFAULTS[schema.name] !== undefined ||
      (schema.rest !== undefined && hasDefaults(schema.rest)) ||
      [...schema.fields.values()].some((field) => field.default !== undefined || hasDefaults(field.schema));
  }
  answers.set(schema, found);
  return found;
}
