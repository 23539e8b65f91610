// SPDX-License-Identifier: Apache-2.0
import type { MutableObj, Obj, Value } from './value.js';

/** One cause in the details of a Status. */
export interface Cause {
  readonly reason?: string;
  readonly message: string;
  readonly field?: string;
}

interface Details {
  readonly name?: string | undefined;
  readonly group?: string | undefined;
  readonly kind?: string | undefined;
  readonly uid?: string | undefined;
  readonly causes?: readonly Cause[] | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

/** An error answer of the simulated API server: thrown inside, written out as a `Status` object. */
export class ApiFailure extends Error {
  /** Warnings that go with the refusal. */
  warnings: readonly string[] = [];

  constructor(
    readonly code: number,
    readonly reason: string,
    message: string,
    readonly details?: Details,
  ) {
    super(message);
  }

  /** The `Status` object as the API server writes it. */
  status(): Obj {
    const details: MutableObj = {};
    if (this.details !== undefined) {
      const { causes, ...rest } = this.details;
      for (const [key, value] of Object.entries(rest)) if (value !== undefined && value !== '') details[key] = value;
      if (causes !== undefined) details['causes'] = causes.map((cause): Obj => ({ ...cause }));
    }
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      ...(this.reason === '' ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details }),
      code: this.code,
    };
  }
}

/** What names a resource in errors. */
export interface NamedResource {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}

function qualified(resource: NamedResource, name: string): string {
  return resource.group === '' ? name : `${name}.${resource.group}`;
}

export const failures = {
  unauthorized: (): ApiFailure => new ApiFailure(401, 'Unauthorized', 'Unauthorized'),
  badRequest: (message: string): ApiFailure => new ApiFailure(400, 'BadRequest', message),
  internal: (message: string): ApiFailure => new ApiFailure(500, '', message),
  notFound: (resource: NamedResource, name: string): ApiFailure =>
    new ApiFailure(404, 'NotFound', `${qualified(resource, resource.plural)} "${name}" not found`, {
      name,
      group: resource.group,
      kind: resource.plural,
    }),
  noSuchResource: (): ApiFailure =>
    new ApiFailure(404, 'NotFound', 'the server could not find the requested resource', {}),
  methodNotAllowed: (): ApiFailure =>
    new ApiFailure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {}),
  unsupportedMediaType: (): ApiFailure =>
    new ApiFailure(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {}),
  unsupportedBody: (known: readonly string[] = ['application/json', 'application/yaml']): ApiFailure =>
    new ApiFailure(
      415,
      'UnsupportedMediaType',
      `the body of the request was in an unknown format - accepted media types include: ${known.join(', ')}`,
    ),
  alreadyExists: (resource: NamedResource, name: string): ApiFailure =>
    new ApiFailure(409, 'AlreadyExists', `${qualified(resource, resource.plural)} "${name}" already exists`, {
      name,
      group: resource.group,
      kind: resource.plural,
    }),
  conflict: (resource: NamedResource, name: string, why: string, kind: string = resource.plural): ApiFailure =>
    new ApiFailure(409, 'Conflict', `Operation cannot be fulfilled on ${qualified(resource, kind)} "${name}": ${why}`, {
      name,
      group: resource.group,
      kind,
    }),
  applyConflict: (message: string, causes: readonly Cause[]): ApiFailure =>
    new ApiFailure(409, 'Conflict', message, { causes }),
  forbidden: (resource: NamedResource, name: string, why: string, causes?: readonly Cause[]): ApiFailure =>
    new ApiFailure(403, 'Forbidden', `${qualified(resource, resource.plural)} "${name}" is forbidden: ${why}`, {
      name,
      group: resource.group,
      kind: resource.plural,
      causes,
    }),
  tooManyRequests: (retryAfterSeconds: number): ApiFailure =>
    new ApiFailure(429, 'TooManyRequests', 'Too many requests, please try again later.', { retryAfterSeconds }),
  expired: (message: string): ApiFailure => new ApiFailure(410, 'Expired', message),
  invalid: (group: string, kind: string, name: string, errors: readonly FieldError[]): ApiFailure => {
    const texts = [...new Set(errors.map((error) => `${error.field}: ${error.message}`))];
    const all = texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`;
    return new ApiFailure(422, 'Invalid', `${group === '' ? kind : `${kind}.${group}`} "${name}" is invalid: ${all}`, {
      name,
      group,
      kind,
      causes: errors.map(({ reason, message, field }) => ({ reason, message, field })),
    });
  },
} as const;

/** One finding of a validation, in the wording of the API server. */
export interface FieldError {
  readonly field: string;
  readonly reason: string;
  readonly message: string;
}

/** A value as validation messages quote it. */
export function quoteValue(value: Value | undefined): string {
  if (value === undefined || value === null) return 'null';
  return typeof value === 'object' || typeof value === 'string' ? JSON.stringify(value) : String(value);
}

export const fieldErrors = {
  required: (field: string, detail = ''): FieldError => ({
    field,
    reason: 'FieldValueRequired',
    message: detail === '' ? 'Required value' : `Required value: ${detail}`,
  }),
  invalid: (field: string, value: Value | undefined, detail: string): FieldError => ({
    field,
    reason: 'FieldValueInvalid',
    message: `Invalid value: ${quoteValue(value)}: ${detail}`,
  }),
  forbidden: (field: string, detail: string): FieldError => ({
    field,
    reason: 'FieldValueForbidden',
    message: `Forbidden: ${detail}`,
  }),
  duplicate: (field: string, value: Value): FieldError => ({
    field,
    reason: 'FieldValueDuplicate',
    message: `Duplicate value: ${quoteValue(value)}`,
  }),
  unsupported: (field: string, value: Value, supported: readonly string[]): FieldError => ({
    field,
    reason: 'FieldValueNotSupported',
    message: `Unsupported value: ${quoteValue(value)}: supported values: ${supported.map((text) => JSON.stringify(text)).join(', ')}`,
  }),
  tooLong: (field: string, limitBytes: number): FieldError => ({
    field,
    reason: 'FieldValueTooLong',
    message: `Too long: may not be more than ${limitBytes} bytes`,
  }),
  notFound: (field: string, value: Value): FieldError => ({
    field,
    reason: 'FieldValueNotFound',
    message: `Not found: ${quoteValue(value)}`,
  }),
  typeInvalid: (field: string, value: Value | undefined, detail: string): FieldError => ({
    field,
    reason: 'FieldValueTypeInvalid',
    message: `Invalid value: ${quoteValue(value)}: ${detail}`,
  }),
} as const;
