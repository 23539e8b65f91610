// SPDX-License-Identifier: Apache-2.0
import type { FieldError } from './api-failure.js';
import type { Draft } from './defaults/draft.js';
import { FieldSet } from './smd/field-set.js';
import type { Obj } from './value.js';

/** How the names of a kind are checked. */
export type NameRule = 'subdomain' | 'label' | 'label1035' | 'path';

/** What a strategy may ask of the server while it prepares an object. */
export interface PrepareContext {
  readonly nowMs: number;
  /** RFC 3339, whole seconds. */
  readonly now: string;
  /** A free cluster IP or node port. */
  allocate(pool: 'clusterIP' | 'nodePort'): string | number;
  /** Whether another object has it. */
  isTaken(pool: 'clusterIP' | 'nodePort', value: string | number): boolean;
  uid(): string;
}

/** What is special about a kind when it is written. Everything common is in `ObjectWriter`. */
export interface Strategy {
  readonly nameRule: NameRule;
  /** Top-level members whose change raises `metadata.generation`; undefined for kinds without a generation. */
  readonly generationOf: readonly string[] | 'all-but-status' | undefined;
  /** Whether a change of annotations raises the generation too. */
  readonly generationOfAnnotations: boolean;
  /** Whether plain writes leave `status` alone because it has a subresource. */
  readonly hasStatus: boolean;
  /** Whether a PUT may leave out `resourceVersion`. */
  readonly unconditionalUpdate: boolean;
  /** Whether a PUT may create. */
  readonly createOnUpdate: boolean;
  /** Whether the kind's own rules check a change of metadata once more, so that each finding is reported twice. */
  readonly repeatsMetadataErrors: boolean;
  /** Top-level members that the status subresource leaves alone, besides `metadata` parts. */
  readonly hiddenFromStatus: FieldSet;
  readonly hiddenFromMain: FieldSet | undefined;
  /** Whether a new object keeps the status it brings. */
  readonly bringsStatus: boolean;
  /** `given` is the object as it was read, before it was copied into the draft. */
  readonly prepareCreate?: (draft: Draft, context: PrepareContext, given: Obj) => void;
  readonly prepareUpdate?: (draft: Draft, live: Obj, context: PrepareContext) => void;
  readonly prepareStatus?: (draft: Draft, live: Obj) => void;
  readonly validate?: (object: Obj, errors: FieldError[]) => void;
  /** Checks a write through the status subresource. */
  readonly validateStatus?: (object: Obj, errors: FieldError[]) => void;
  readonly validateUpdate?: (object: Obj, live: Obj, errors: FieldError[]) => void;
}

/** A field set from dotted paths. */
export function fieldSet(...paths: readonly string[]): FieldSet {
  const set = new FieldSet();
  for (const path of paths) set.insert(path.split('.').map((part) => `f:${part}`));
  return set;
}

const STATUS = fieldSet('status');
const SPEC = fieldSet('spec');

/** A strategy from what differs from the common case. */
export function strategy(parts: Partial<Strategy> & { readonly resetByStatus?: readonly string[] } = {}): Strategy {
  const hasStatus = parts.hasStatus ?? false;
  return {
    nameRule: 'subdomain',
    generationOf: undefined,
    generationOfAnnotations: false,
    bringsStatus: false,
    unconditionalUpdate: true,
    createOnUpdate: false,
    repeatsMetadataErrors: true,
    ...parts,
    hasStatus,
    hiddenFromMain: parts.hiddenFromMain ?? (hasStatus ? STATUS : undefined),
    hiddenFromStatus:
      parts.resetByStatus === undefined ? (parts.hiddenFromStatus ?? SPEC) : fieldSet(...parts.resetByStatus),
  };
}
