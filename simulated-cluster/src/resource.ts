// SPDX-License-Identifier: Apache-2.0
import type { NamedResource } from './api-failure.js';
import type { MapSchema } from './schema/schema.js';
import type { Obj } from './value.js';
import type { Strategy } from './strategy.js';

/** A subresource and the kind that it answers with. */
export interface Subresource {
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly string[];
}

/** What a custom resource has beyond a built-in one. */
export interface CustomPart {
  /** The CRD as stored; a change of it makes new resources. */
  readonly definition: Obj;
  /** The version's `schema.openAPIV3Schema`. */
  readonly openApi: Obj;
}

/** One resource in one version, as the API serves it. */
export interface Resource extends NamedResource {
  readonly version: string;
  /** `v1` or `group/version`. */
  readonly apiVersion: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly storageVersionHash: string | undefined;
  readonly subresources: ReadonlyMap<string, Subresource>;
  readonly schema: MapSchema;
  readonly strategy: Strategy;
  /** All versions of a resource share one collection of the store. */
  readonly collection: string;
  /** The API version that objects are stored in. */
  readonly storageVersion: string;
  readonly custom?: CustomPart;
}

/** `group/version`, or the version alone for the core group. */
export function apiVersionOf(group: string, version: string): string {
  return group === '' ? version : `${group}/${version}`;
}
