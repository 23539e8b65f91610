// SPDX-License-Identifier: Apache-2.0
import { InputError, type Json } from '@plumbline/core';

/** Metadata that Plumbline reads; other fields pass through. */
export interface ManifestMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly [field: string]: Json | undefined;
}

/** A Kubernetes object as a repository declares it. */
export interface ManifestObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ManifestMetadata;
  readonly [field: string]: Json | undefined;
}

/** Identity of an object, independent of the API version. An empty text stands for an absent part. */
export interface ObjectIdentity {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Returns the API group of an `apiVersion`; empty for the core group. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}

/** Returns the identity of an object, with its namespace as written. */
export function identityOf(object: ManifestObject): ObjectIdentity {
  return {
    group: groupOf(object.apiVersion),
    kind: object.kind,
    namespace: object.metadata.namespace ?? '',
    name: object.metadata.name,
  };
}

/**
 * Returns `group/Kind/namespace/name`, with empty parts: `/ConfigMap/web/settings`, `apps/Deployment/web/shop`,
 * `/Namespace//web`.
 */
export function objectKey(identity: ObjectIdentity): string {
  return `${identity.group}/${identity.kind}/${identity.namespace}/${identity.name}`;
}

/** Returns the key of an object, with its namespace as written. */
export function keyOf(object: ManifestObject): string {
  return objectKey(identityOf(object));
}

/** Parses the result of {@link objectKey}. @throws InputError PLB-1401 when the text is not a key. */
export function parseKey(key: string): ObjectIdentity {
  const [group, kind, namespace, name, ...rest] = key.split('/');
  if (
    group === undefined ||
    kind === undefined ||
    kind === '' ||
    namespace === undefined ||
    name === undefined ||
    name === '' ||
    rest.length > 0
  ) {
    throw new InputError('PLB-1401', `"${key}" is not an object key; use group/Kind/namespace/name, with empty parts`);
  }
  return { group, kind, namespace, name };
}

/** Returns `Kind name` or `Kind namespace/name`, for messages. */
export function displayName(identity: ObjectIdentity): string {
  const kind = identity.group === '' ? identity.kind : `${identity.kind}.${identity.group}`;
  return identity.namespace === '' ? `${kind} ${identity.name}` : `${kind} ${identity.namespace}/${identity.name}`;
}

/**
 * Returns whether an object has secret values in `data` and `stringData`: a Secret, also when its apiVersion is
 * mistyped (`core/v1`),
 * because an invalid Secret contains secret values too.
 */
export function isSecret(object: { readonly apiVersion?: unknown; readonly kind?: unknown }): boolean {
  if (object.kind !== 'Secret') return false;
  const group = typeof object.apiVersion === 'string' ? groupOf(object.apiVersion) : '';
  return group === '' || group === 'core';
}

/** Returns whether a value is a JSON object (not a list, not null). */
export function isJsonMap(value: unknown): value is { readonly [field: string]: Json | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
