// SPDX-License-Identifier: Apache-2.0
import {
  type FieldSchema,
  isAlways,
  type ListSchema,
  type MapSchema,
  type ScalarType,
  type Schema,
} from '../schema/schema.js';
import { isEmptyValue, isList, isObj, type MutableObj, type Obj, type Value } from '../value.js';

/** Thrown when a value cannot be read into its type at all; the message is the one of Go's JSON decoder. */
export class DecodeError extends Error {}

/** The result of reading a value into its built-in type. */
export interface Decoded {
  readonly object: Obj;
  /** Fields that the type does not have, as `unknown field "spec.replica"`. */
  readonly unknown: readonly string[];
}

/**
 * Reads a value into a built-in type as the API server's decoder does: unknown fields are dropped (and reported),
 * nulls and empty
 * values go where Go's `omitempty` lets them, required fields and structs are written even when empty.
 * @throws DecodeError
 */
export function decodeBuiltin(schema: MapSchema, value: Value): Decoded {
  const walk = new DecodeWalk(schema.name);
  const object = walk.struct(schema, value, '');
  return { object: isObj(object) ? object : {}, unknown: walk.unknown };
}

/** A whole struct with nothing in it but what is always written. */
export function emptyStruct(schema: MapSchema): Obj {
  const out: MutableObj = {};
  for (const field of schema.always) out[field.name] = zeroOf(field);
  return out;
}

function zeroOf(field: FieldSchema): Value {
  const { schema } = field;
  if (field.flag === 'n') return null;
  if (schema.is === 'map' && schema.name !== '') return field.flag === 's' ? emptyStruct(schema) : null;
  if (schema.is !== 'scalar') return null;
  switch (schema.type) {
    case 'string':
    case 'bytes':
      return '';
    case 'int32':
    case 'int64':
    case 'double':
    case 'int-or-string':
      return 0;
    case 'quantity':
      return '0';
    case 'boolean':
      return false;
    default:
      return null;
  }
}

const GO_TYPES: Readonly<Partial<Record<ScalarType, string>>> = {
  string: 'string',
  int32: 'int32',
  int64: 'int64',
  double: 'float64',
  boolean: 'bool',
};

class DecodeWalk {
  readonly unknown: string[] = [];
  /** The innermost struct, which Go names in its messages. */
  #owner: string;

  constructor(root: string) {
    this.#owner = root;
  }

  struct(schema: MapSchema, value: Value, path: string): Value {
    if (value === null) return emptyStruct(schema);
    if (!isObj(value))
      throw this.#mismatch(value, path, schema.name === '' ? 'map[string]string' : `v1.${schema.name}`);
    const out: MutableObj = {};
    let changed = false;
    let kept = 0;
    for (const key in value) {
      const given = value[key];
      if (given === undefined) continue;
      const field = schema.fields.get(key);
      if (field === undefined) {
        this.unknown.push(path === '' ? key : `${path}.${key}`);
        changed = true;
        continue;
      }
      this.#owner = schema.name;
      const read = this.#field(field, given, path === '' ? key : `${path}.${key}`);
      if (read === undefined) {
        changed = true;
        continue;
      }
      if (read !== given) changed = true;
      out[key] = read;
      kept++;
    }
    for (const field of schema.always) {
      if (out[field.name] !== undefined) continue;
      out[field.name] = zeroOf(field);
      changed = true;
      kept++;
    }
    return changed || kept === 0 ? out : value;
  }

  #field(field: FieldSchema, value: Value, path: string): Value | undefined {
    const { flag } = field;
    if (value === null) return isAlways(flag) ? zeroOf(field) : undefined;
    const read = this.#any(field.schema, value, path);
    // An empty list of owners is a request of its own: to forget all of them.
    if (flag === 'o' && isEmptyValue(read)) return field.name === 'managedFields' && isList(read) ? read : undefined;
    if (flag === 'z' && isEmptyValue(read)) return undefined;
    return read;
  }

  #any(schema: Schema, value: Value, path: string): Value {
    switch (schema.is) {
      case 'scalar':
        return this.#scalar(schema.type, value, path);
      case 'any':
        return value;
      case 'list':
        return this.#list(schema, value, path);
      case 'map':
        return schema.name === '' ? this.#map(schema, value, path) : this.struct(schema, value, path);
    }
  }

  #map(schema: MapSchema, value: Value, path: string): Value {
    if (!isObj(value)) throw this.#mismatch(value, path, 'map[string]string');
    const item = schema.rest;
    if (item === undefined) return value;
    let out: MutableObj | undefined;
    for (const key in value) {
      const given = value[key];
      if (given === undefined) continue;
      const read =
        given === null ? zeroItem(item) : this.#any(item, given, item.is === 'scalar' ? path : `${path}.${key}`);
      if (read === given) continue;
      out ??= { ...value };
      out[key] = read;
    }
    return out ?? value;
  }

  #list(schema: ListSchema, value: Value, path: string): Value {
    if (!isList(value))
      throw this.#mismatch(value, path, schema.item.is === 'map' ? `[]v1.${schema.item.name}` : '[]string');
    let out: Value[] | undefined;
    for (const [index, given] of value.entries()) {
      const read = given === null ? zeroItem(schema.item) : this.#any(schema.item, given, `${path}[${index}]`);
      if (read === given) continue;
      out ??= [...value];
      out[index] = read;
    }
    return out ?? value;
  }

  #scalar(type: ScalarType, value: Value, path: string): Value {
    switch (type) {
      case 'int32':
      case 'int64':
        if (typeof value === 'number') {
          if (Number.isInteger(value) && (type === 'int64' || Math.abs(value) <= 2_147_483_648)) return value;
          throw this.#mismatch(value, path, type, `number ${value}`);
        }
        break;
      case 'double':
        if (typeof value === 'number') return value;
        break;
      case 'boolean':
        if (typeof value === 'boolean') return value;
        break;
      case 'int-or-string':
        if (typeof value === 'string' || Number.isInteger(value)) return value;
        break;
      case 'quantity':
        if (typeof value === 'string' || typeof value === 'number') return canonicalQuantity(String(value));
        break;
      case 'bytes':
        if (typeof value === 'string') return checkedBase64(value);
        break;
      case 'time':
      case 'micro-time':
        if (typeof value === 'string') return checkedTime(value, type);
        break;
      default:
        if (typeof value === 'string') return value;
    }
    throw this.#mismatch(value, path, GO_TYPES[type] ?? 'string');
  }

  #mismatch(value: Value, path: string, goType: string, what: string = jsonKind(value)): DecodeError {
    const plain = path.replaceAll(/\[\d+\]/g, '');
    return new DecodeError(
      `json: cannot unmarshal ${what} into Go struct field ${this.#owner}.${plain} of type ${goType}`,
    );
  }
}

function zeroItem(schema: Schema): Value {
  if (schema.is === 'map' && schema.name !== '') return emptyStruct(schema);
  return schema.is === 'scalar' && (schema.type === 'string' || schema.type === 'bytes') ? '' : null;
}

function jsonKind(value: Value): string {
  if (isObj(value)) return 'object';
  if (isList(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function checkedBase64(text: string): string {
  const plain = text.replaceAll(/[\r\n]/g, '');
  const bad = /[^A-Za-z0-9+/=]/.exec(plain);
  const body = plain.replace(/={0,2}$/, '');
  if (bad !== null || plain.length % 4 !== 0 || body.includes('=')) {
    throw new DecodeError(
      `illegal base64 data at input byte ${bad?.index ?? Math.max(0, plain.indexOf('=') === -1 ? plain.length - (plain.length % 4) : plain.indexOf('='))}`,
    );
  }
  return Buffer.from(plain, 'base64').toString('base64');
}

function checkedTime(text: string, type: 'time' | 'micro-time'): string {
  const time = Date.parse(text);
  if (Number.isNaN(time) || !/^\d{4}-\d\d-\d\dT/.test(text)) {
    throw new DecodeError(
      `parsing time ${JSON.stringify(text)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(text)} as "2006"`,
    );
  }
  const iso = new Date(time).toISOString();
  if (type === 'time') return `${iso.slice(0, 19)}Z`;
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? '';
  return `${iso.slice(0, 19)}.${fraction.slice(0, 6).padEnd(6, '0')}Z`;
}

const QUANTITY = /^([+-]?)(\d*)(?:\.(\d*))?(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?\d+)?$/;

/** A quantity in the form that the API server writes back: `1000m` is `1`, `0.5` is `500m`, `1024Mi` is `1Gi`. */
export function canonicalQuantity(text: string): string {
  const match = QUANTITY.exec(text);
  if (match === null || ((match[2] ?? '') === '' && (match[3] ?? '') === '')) {
    throw new DecodeError(
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    );
  }
  const [, sign = '', whole = '', fraction = '', suffix = ''] = match;
  return suffix.endsWith('i')
    ? binaryQuantity(sign, whole, fraction, suffix)
    : decimalQuantity(sign, whole, fraction, suffix);
}

const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

function binaryQuantity(sign: string, whole: string, fraction: string, suffix: string): string {
  let power = BINARY.indexOf(suffix);
  let amount = BigInt(whole === '' ? '0' : whole);
  if (fraction !== '' && BigInt(fraction) !== 0n) {
    const scale = 10n ** BigInt(fraction.length);
    const bytes = ((amount * scale + BigInt(fraction)) * 1024n ** BigInt(power)) / scale;
    amount = bytes;
    power = 0;
  }
  if (amount === 0n) return '0';
  while (amount % 1024n === 0n && power < 6) {
    amount /= 1024n;
    power++;
  }
  return `${sign === '-' ? '-' : ''}${amount}${BINARY[power] ?? ''}`;
}

const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const DECIMAL_SUFFIX = new Map(Object.entries(DECIMAL).map(([suffix, exponent]) => [exponent, suffix]));

function decimalQuantity(sign: string, whole: string, fraction: string, suffix: string): string {
  const scientific = /^[eE]/.test(suffix);
  let exponent = (scientific ? Number(suffix.slice(1)) : (DECIMAL[suffix] ?? 0)) - fraction.length;
  let amount = BigInt(`${whole}${fraction}` === '' ? '0' : `${whole}${fraction}`);
  if (amount === 0n) return '0';
  while (amount % 10n === 0n) {
    amount /= 10n;
    exponent++;
  }
  // Nothing finer than nano is kept; the API server rounds up.
  while (exponent < -9) {
    amount = (amount + 9n) / 10n;
    exponent++;
  }
  while (exponent % 3 !== 0 || exponent > 18) {
    amount *= 10n;
    exponent--;
  }
  const unit = scientific ? (exponent === 0 ? '' : `e${exponent}`) : (DECIMAL_SUFFIX.get(exponent) ?? '');
  return `${sign === '-' ? '-' : ''}${amount}${unit}`;
}
