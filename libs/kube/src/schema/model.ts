// SPDX-License-Identifier: Apache-2.0

/**
 * What a value may be. `any` is not judged: free-form fields, int-or-string, quantities, and whatever the document
 * does not say plainly.
 * `ref` is the index of a type of the same {@link KindSchema}, so that recursive types stay finite.
 */
export type SchemaNode =
  'any' | 'string' | 'integer' | 'number' | 'boolean' | { readonly ref: number } | ListNode | ObjectNode;

export interface ListNode {
  readonly items: SchemaNode;
  /** Keys that tell the items apart and have no default: an item without one cannot be applied. */
  readonly keys?: readonly string[];
}

export interface ObjectNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  /** Only what the API server itself insists on, and gives no default for. */
  readonly required?: readonly string[];
  /** The schema of keys that are not in `properties`; without it such keys are unknown. */
  readonly values?: SchemaNode;
}

/** The schema of one kind, complete in itself; stored as canonical JSON. */
export interface KindSchema {
  readonly root: SchemaNode;
  readonly types: readonly SchemaNode[];
}

/** The schema of a kind, with the kind's name. */
export interface CompactKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly schema: KindSchema;
}
