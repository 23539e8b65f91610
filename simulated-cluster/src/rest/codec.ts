// SPDX-License-Identifier: Apache-2.0
import { failures, fieldErrors } from '../api-failure.js';
import { DecodeError, decodeBuiltin, emptyStruct } from '../decode/decode.js';
import { decodeCustom, type Nulls } from '../decode/decode-custom.js';
import { withDefaults } from '../defaults/apply-defaults.js';
import { isObj, type Obj, objAt, textAt, type Value } from '../value.js';
import type { Resource } from '../resource.js';

/** An object read into its kind: normalised and defaulted, `kind` and `apiVersion` first. */
export interface ReadObject {
  readonly object: Obj;
  /** Unknown fields, by path. */
  readonly unknown: readonly string[];
}

/**
 * Reads a value into the resource's kind: built-in kinds through their Go types, custom ones through their structural
 * schema.
 * @throws DecodeError
 */
export function readObject(resource: Resource, value: Value, nulls: Nulls = 'dropped'): ReadObject {
  const custom = resource.custom;
  const { object, unknown } =
    custom === undefined
      ? decodeBuiltin(resource.schema, value)
      : decodeCustom(custom.openApi, isObj(value) ? value : {}, resource.schema, nulls);
  const defaulted =
    custom === undefined ? withDefaults(resource.schema, resource.group, resource.version, object) : object;
  return { object: ordered(resource, defaulted), unknown };
}

/** `kind` and `apiVersion` first, so that lists can leave them out cheaply. */
export function ordered(resource: Resource, object: Obj): Obj {
  return { kind: resource.kind, apiVersion: resource.apiVersion, ...without(object) };
}

const blanks = new WeakMap<Resource, Obj>();

/** A new object of the kind with nothing written to it. */
export function blankOf(resource: Resource): Obj {
  let blank = blanks.get(resource);
  if (blank === undefined)
    blanks.set(
      resource,
      (blank = ordered(resource, resource.custom === undefined ? emptyStruct(resource.schema) : {})),
    );
  return blank;
}

function without(object: Obj): Obj {
  const { kind: _, apiVersion: __, ...rest } = object;
  return rest;
}

/** Checks that a body says the kind that its path names. A body may leave both out. */
export function checkKind(resource: Resource, body: Obj): void {
  const kind = textAt(body, 'kind') ?? '';
  const apiVersion = textAt(body, 'apiVersion') ?? '';
  if (resource.custom !== undefined && (kind === '' || apiVersion === '')) {
    const missing = kind === '' ? "Object 'Kind' is missing" : "Object 'apiVersion' is missing";
    const text = JSON.stringify(body);
    throw failures.badRequest(
      `the object provided is unrecognized (must be of type ${resource.kind}): ${missing} in '${text}' (${text})`,
    );
  }
  if (apiVersion !== '' && apiVersion !== resource.apiVersion) {
    throw failures.badRequest(
      resource.custom === undefined
        ? `${kind === '' ? resource.kind : kind} in version ${JSON.stringify(versionOf(apiVersion))} cannot be handled as a ${resource.kind}: no kind ${JSON.stringify(kind === '' ? resource.kind : kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/api/legacyscheme/scheme.go:30"`
        : `the API version in the data (${apiVersion}) does not match the expected API version (${resource.apiVersion})`,
    );
  }
  if (kind === '' || kind === resource.kind) return;
  if (resource.custom !== undefined) {
    throw failures.invalid(resource.group, kind, textAt(body, 'metadata', 'name') ?? '', [
      fieldErrors.invalid('kind', kind, `must be ${resource.kind}`),
    ]);
  }
  throw failures.badRequest(
    `${kind} in version ${JSON.stringify(versionOf(apiVersion))} cannot be handled as a ${resource.kind}: converting (${versionOf(apiVersion)}.${kind}) to (${resource.group === '' ? 'core' : resource.group.split('.')[0]}.${resource.kind}): unknown conversion`,
  );
}

function versionOf(apiVersion: string): string {
  return apiVersion.slice(apiVersion.indexOf('/') + 1);
}

/** The name of a resource's object with its namespace, as merge errors carry it. */
export function objectText(resource: Resource, object: Obj): string {
  const metadata = objAt(object, 'metadata');
  return `${textAt(metadata, 'namespace') ?? ''}/${textAt(metadata, 'name') ?? ''}; ${resource.group}/${resource.version}, Kind=${resource.kind}`.replace(
    '; /',
    '; /',
  );
}

/** Turns what the decoder could not read into the API server's error for a body. */
export function asBadBody(resource: Resource, error: unknown): never {
  if (error instanceof DecodeError)
    throw failures.badRequest(
      `${resource.kind} in version ${JSON.stringify(resource.version)} cannot be handled as a ${resource.kind}: ${error.message}`,
    );
  throw error;
}
