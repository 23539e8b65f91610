// SPDX-License-Identifier: Apache-2.0
import { InputError, type Json } from '@plumbline/core';

/** Metadata that Plumbline reads; everything else of it passes through. */
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

/** What makes two manifests the same object, whatever version they are written in. Empty texts stand for absent parts. */
export interface ObjectIdentity {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** The API group of an `apiVersion`: empty for the core group. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}

/** The identity of an object, its namespace as written. */
export function identityOf(object: ManifestObject): ObjectIdentity {
  return {
    group: groupOf(object.apiVersion),
    kind: object.kind,
    namespace: object.metadata.namespace ?? '',
    name: object.metadata.name,
  };
}

/** `group/Kind/namespace/name`, empty parts kept: `/ConfigMap/web/settings`, `apps/Deployment/web/shop`, `/Namespace//web`. */
export function objectKey(identity: ObjectIdentity): string {
  return `${identity.group}/${identity.kind}/${identity.namespace}/${identity.name}`;
}

/** The key of an object as written. */
export function keyOf(object: ManifestObject): string {
  return objectKey(identityOf(object));
}

/** The reverse of {@link objectKey}. @throws InputError PLB-1401 when the text is not a key. */
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
    throw new InputError('PLB-1401', `"${key}" is not an object key: group/Kind/namespace/name, empty parts kept`);
  }
  return { group, kind, namespace, name };
}

/** `Kind name` or `Kind namespace/name`, for messages. */
export function displayName(identity: ObjectIdentity): string {
  const kind = identity.group === '' ? identity.kind : `${identity.kind}.${identity.group}`;
  return identity.namespace === '' ? `${kind} ${identity.name}` : `${kind} ${identity.namespace}/${identity.name}`;
}

/**
 * True for what holds secret values in `data` and `stringData`: a Secret, also when its apiVersion is mistyped (`core/v1`),
 * since a broken Secret leaks as much as a good one.
 */
export function isSecret(object: { readonly apiVersion?: unknown; readonly kind?: unknown }): boolean {
  if (object.kind !== 'Secret') return false;
  const group = typeof object.apiVersion === 'string' ? groupOf(object.apiVersion) : '';
  return group === '' || group === 'core';
}

/** True for a JSON object (not a list, not null). */
export function isJsonMap(value: unknown): value is { readonly [field: string]: Json | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
