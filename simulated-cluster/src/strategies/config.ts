// SPDX-License-Identifier: Apache-2.0
import { type FieldError, fieldErrors } from '../api-failure.js';
import { strategy, type Strategy } from '../strategy.js';
import { equalValues, type Obj, objAt, textAt } from '../value.js';

const MAX_DATA_BYTES = 1_048_576;
const KEY = /^[-._a-zA-Z0-9]+$/;
const KEY_TEXT =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

function validateKeys(data: Obj, field: string, errors: FieldError[]): number {
  let totalBytes = 0;
  for (const key in data) {
    const path = `${field}[${key}]`;
    if (key === '.' || key === '..') errors.push(fieldErrors.invalid(path, key, `must not be '${key}'`));
    else if (key.length > 253) errors.push(fieldErrors.invalid(path, key, 'must be no more than 253 characters'));
    else if (!KEY.test(key)) errors.push(fieldErrors.invalid(path, key, KEY_TEXT));
    const value = data[key];
    if (typeof value === 'string')
      totalBytes +=
        field === 'data' || field === 'stringData' ? Buffer.byteLength(value) : Math.floor((value.length * 3) / 4);
  }
  return totalBytes;
}

function immutable(object: Obj, live: Obj, fields: readonly string[], errors: FieldError[]): void {
  if (live['immutable'] !== true) return;
  if (object['immutable'] !== true)
    errors.push(fieldErrors.forbidden('immutable', 'field is immutable when `immutable` is set'));
  for (const field of fields)
    if (!equalValues(object[field], live[field]))
      errors.push(fieldErrors.forbidden(field, 'field is immutable when `immutable` is set'));
}

const REQUIRED_KEYS: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
};

function validateSecret(object: Obj, errors: FieldError[]): void {
  const data = objAt(object, 'data');
  let totalBytes = 0;
  for (const key in data) {
    if (!KEY.test(key)) errors.push(fieldErrors.invalid(`data[${key}]`, key, KEY_TEXT));
    totalBytes += Math.floor((String(data[key]).length * 3) / 4);
  }
  if (totalBytes > MAX_DATA_BYTES) errors.push(fieldErrors.tooLong('data', MAX_DATA_BYTES));
  for (const key of REQUIRED_KEYS[textAt(object, 'type') ?? ''] ?? [])
    if (data[key] === undefined) errors.push(fieldErrors.required(`data[${key}]`));
  if (
    textAt(object, 'type') === 'kubernetes.io/service-account-token' &&
    (textAt(object, 'metadata', 'annotations', 'kubernetes.io/service-account.name') ?? '') === ''
  ) {
    errors.push(fieldErrors.required('metadata.annotations[kubernetes.io/service-account.name]'));
  }
}

/** ConfigMap and Secret. */
export const CONFIG: Readonly<Record<string, Strategy>> = {
  '/ConfigMap': strategy({
    validate: (object, errors) => {
      const data = objAt(object, 'data');
      const binary = objAt(object, 'binaryData');
      const totalBytes = validateKeys(data, 'data', errors) + validateKeys(binary, 'binaryData', errors);
      for (const key in binary)
        if (data[key] !== undefined)
          errors.push(fieldErrors.invalid(`data[${key}]`, key, `duplicate of key present in binaryData`));
      if (totalBytes > MAX_DATA_BYTES) errors.push(fieldErrors.tooLong('', MAX_DATA_BYTES));
    },
    validateUpdate: (object, live, errors) => immutable(object, live, ['data', 'binaryData'], errors),
  }),
  '/Secret': strategy({
    prepareUpdate: (draft, live) => {
      if ((draft['type'] ?? '') === '') draft['type'] = textAt(live, 'type') ?? 'Opaque';
    },
    validate: validateSecret,
    validateUpdate: (object, live, errors) => {
      if (!equalValues(object['type'], live['type']))
        errors.push(fieldErrors.invalid('type', object['type'], 'field is immutable'));
      immutable(object, live, ['data'], errors);
    },
  }),
};
