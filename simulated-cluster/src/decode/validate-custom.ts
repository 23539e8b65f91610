// SPDX-License-Identifier: Apache-2.0
import { type FieldError, fieldErrors } from '../api-failure.js';
import {
  equalValues,
  isList,
  isObj,
  listAt,
  numberAt,
  type Obj,
  objAt,
  textAt,
  textsAt,
  type Value,
} from '../value.js';

/**
 * Checks a custom object against its schema. CEL rules (`x-kubernetes-validations`) are not evaluated: a known
 * difference.
 */
export function validateCustom(openApi: Obj, object: Obj, errors: FieldError[]): void {
  const { apiVersion: _, kind: __, metadata: ___, ...rest } = object;
  check(openApi, rest, '', errors);
}

/** Checks the status alone, as a write through its subresource does; messages name their path from there. */
export function validateCustomStatus(openApi: Obj, object: Obj, errors: FieldError[]): void {
  const schema = objAt(openApi, 'properties')['status'];
  const status = object['status'];
  if (!isObj(schema) || status === undefined) return;
  const found: FieldError[] = [];
  check(schema, status, '', found);
  for (const error of found)
    errors.push({
      ...error,
      field: error.field === '' || error.field === '<nil>' ? 'status' : `status.${error.field}`,
    });
}

const TYPES: Readonly<Record<string, (value: Value) => boolean>> = {
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  integer: (value) => Number.isInteger(value),
  number: (value) => typeof value === 'number',
  object: (value) => isObj(value),
  array: (value) => isList(value),
};

function typeName(value: Value): string {
  if (value === null) return 'null';
  if (isList(value)) return 'array';
  if (isObj(value)) return 'object';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function check(node: Obj, value: Value, path: string, errors: FieldError[]): void {
  if (value === null && node['nullable'] === true) return;
  const intOrString = node['x-kubernetes-int-or-string'] === true;
  const type = textAt(node, 'type');
  if (
    intOrString
      ? typeof value !== 'string' && !Number.isInteger(value)
      : type !== undefined && TYPES[type]?.(value) === false
  ) {
    const kind = typeName(value);
    const wanted = intOrString ? 'integer,string' : (type ?? '');
    errors.push(
      fieldErrors.typeInvalid(
        path === '' ? '<nil>' : path,
        kind,
        `${path} in body must be of type ${wanted}: ${JSON.stringify(kind)}`,
      ),
    );
    return;
  }
  checkCommon(node, value, path, errors);
  if (typeof value === 'string') checkText(node, value, path, errors);
  if (typeof value === 'number') checkNumber(node, value, path, errors);
  if (isList(value)) checkList(node, value, path, errors);
  if (isObj(value)) checkObject(node, value, path, errors);
}

function checkCommon(node: Obj, value: Value, path: string, errors: FieldError[]): void {
  const allowed = listAt(node, 'enum');
  if (allowed.length > 0 && !allowed.some((entry) => equalValues(entry, value))) {
    errors.push(
      fieldErrors.unsupported(
        path,
        value,
        allowed.map((entry) => (typeof entry === 'string' ? entry : JSON.stringify(entry))),
      ),
    );
  }
  for (const branch of listAt(node, 'allOf')) if (isObj(branch)) check(branch, value, path, errors);
  for (const [key, enough] of [
    ['anyOf', (count: number) => count > 0],
    ['oneOf', (count: number) => count === 1],
  ] as const) {
    const branches = listAt(node, key).filter(isObj);
    if (branches.length === 0) continue;
    const fitting = branches.filter((branch) => {
      const found: FieldError[] = [];
      check(branch, value, path, found);
      return found.length === 0;
    });
    if (!enough(fitting.length)) {
      errors.push(
        fieldErrors.invalid(
          path,
          value,
          key === 'anyOf'
            ? `${path} in body must validate at least one schema (anyOf)`
            : `${path} in body must validate one and only one schema (oneOf). Found ${fitting.length === 0 ? 'none valid' : `${fitting.length} valid alternatives`}`,
        ),
      );
    }
  }
}

const FORMATS: Readonly<Record<string, RegExp>> = {
  'date-time': /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/,
  date: /^\d{4}-\d\d-\d\d$/,
  uuid: /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i,
  ipv4: /^(\d{1,3}\.){3}\d{1,3}$/,
  byte: /^[A-Za-z0-9+/]*={0,2}$/,
};

const patterns = new Map<string, RegExp | undefined>();

function patternOf(text: string): RegExp | undefined {
  if (!patterns.has(text)) {
    let made: RegExp | undefined;
    try {
      made = new RegExp(text, 'u');
    } catch {
      // Go's RE2 knows forms that JavaScript does not; such a pattern is not checked.
    }
    patterns.set(text, made);
  }
  return patterns.get(text);
}

function checkText(node: Obj, value: string, path: string, errors: FieldError[]): void {
  const length = [...value].length;
  const [min, max] = [numberAt(node, 'minLength'), numberAt(node, 'maxLength')];
  const pattern = textAt(node, 'pattern');
  if (max !== undefined && length > max) errors.push(fieldErrors.tooLong(path, max));
  else if (min !== undefined && length < min)
    errors.push(fieldErrors.invalid(path, value, `${path} in body should be at least ${min} chars long`));
  else if (pattern !== undefined && patternOf(pattern)?.test(value) === false)
    errors.push(fieldErrors.invalid(path, value, `${path} in body should match '${pattern}'`));
  const format = textAt(node, 'format');
  if (format !== undefined && FORMATS[format]?.test(value) === false)
    errors.push(
      fieldErrors.invalid(path, value, `${path} in body must be of type ${format}: ${JSON.stringify(value)}`),
    );
}

function checkNumber(node: Obj, value: number, path: string, errors: FieldError[]): void {
  const [min, max, step] = [numberAt(node, 'minimum'), numberAt(node, 'maximum'), numberAt(node, 'multipleOf')];
  if (max !== undefined && (node['exclusiveMaximum'] === true ? value >= max : value > max)) {
    errors.push(
      fieldErrors.invalid(
        path,
        value,
        `${path} in body should be less than ${node['exclusiveMaximum'] === true ? '' : 'or equal to '}${max}`,
      ),
    );
  }
  if (min !== undefined && (node['exclusiveMinimum'] === true ? value <= min : value < min)) {
    errors.push(
      fieldErrors.invalid(
        path,
        value,
        `${path} in body should be greater than ${node['exclusiveMinimum'] === true ? '' : 'or equal to '}${min}`,
      ),
    );
  }
  if (step !== undefined && value % step !== 0)
    errors.push(fieldErrors.invalid(path, value, `${path} in body should be a multiple of ${step}`));
  if (textAt(node, 'format') === 'int32' && Math.abs(value) > 2_147_483_647)
    errors.push(fieldErrors.invalid(path, value, `${path} in body must be of type int32: "integer"`));
}

function checkList(node: Obj, value: readonly Value[], path: string, errors: FieldError[]): void {
  const [min, max] = [numberAt(node, 'minItems'), numberAt(node, 'maxItems')];
  if (max !== undefined && value.length > max)
    errors.push({
      field: path,
      reason: 'FieldValueTooMany',
      message: `Too many: ${value.length}: must have at most ${max} items`,
    });
  if (min !== undefined && value.length < min)
    errors.push(fieldErrors.invalid(path, value.length, `${path} in body should have at least ${min} items`));
  const items = node['items'];
  if (isObj(items)) for (const [index, item] of value.entries()) check(items, item, `${path}[${index}]`, errors);
  checkDuplicates(node, value, path, errors);
}

function checkDuplicates(node: Obj, value: readonly Value[], path: string, errors: FieldError[]): void {
  const type = textAt(node, 'x-kubernetes-list-type');
  if (type !== 'set' && type !== 'map') return;
  const keys = textsAt(node, 'x-kubernetes-list-map-keys');
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    const identity: Value =
      type === 'set' || !isObj(item) ? item : Object.fromEntries(keys.map((key) => [key, item[key]]));
    const text = JSON.stringify(identity);
    if (seen.has(text)) errors.push(fieldErrors.duplicate(`${path}[${index}]`, identity));
    seen.add(text);
  }
}

function checkObject(node: Obj, value: Obj, path: string, errors: FieldError[]): void {
  for (const name of textsAt(node, 'required')) {
    if (value[name] === undefined) errors.push(fieldErrors.required(path === '' ? name : `${path}.${name}`));
  }
  const [min, max] = [numberAt(node, 'minProperties'), numberAt(node, 'maxProperties')];
  const count = Object.keys(value).length;
  if (max !== undefined && count > max)
    errors.push({
      field: path,
      reason: 'FieldValueTooMany',
      message: `Too many: ${count}: must have at most ${max} items`,
    });
  if (min !== undefined && count < min)
    errors.push(fieldErrors.invalid(path, value, `${path} in body should have at least ${min} properties`));
  const properties = objAt(node, 'properties');
  const additional = node['additionalProperties'];
  for (const key in value) {
    const member = value[key];
    if (member === undefined) continue;
    const at = path === '' ? key : `${path}.${key}`;
    const property = properties[key];
    if (isObj(property)) check(property, member, at, errors);
    else if (isObj(additional)) check(additional, member, at, errors);
  }
}
