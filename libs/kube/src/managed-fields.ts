// SPDX-License-Identifier: Apache-2.0
import { canonicalJson } from '@plumbline/core';
import { FIELD_MANAGER } from './client.js';
import type { FieldsV1, KubeObject, ManagedFieldsEntry } from './types.js';

/** One claim on a field. */
export interface FieldOwner {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  /** Set when the claim was made through a subresource such as `scale` or `status`. */
  readonly subresource?: string;
}

/** The entry that a manager's server-side apply keeps on the object itself. The server never has more than one. */
export function applyEntryOf(object: KubeObject, manager: string = FIELD_MANAGER): ManagedFieldsEntry | undefined {
  return object.metadata.managedFields?.find(
    (entry) => entry.manager === manager && entry.operation === 'Apply' && (entry.subresource ?? '') === '',
  );
}

/**
 * Returns the fields that a manager owns by apply, as one canonical text; undefined if it owns none.
 * A writer that changes or removes one of these fields takes it out of the entry. A text that differs from the one
 * after the last apply
 * is therefore drift, and an equal text means that every field has its applied value. A writer of the same value
 * becomes a co-owner.
 * The ownership of an empty `labels` or `annotations` does not count: the first label of another writer would end it.
 */
export function ownedFields(object: KubeObject, manager: string = FIELD_MANAGER): string | undefined {
  const fields = applyEntryOf(object, manager)?.fieldsV1;
  return fields === undefined ? undefined : canonicalJson(withoutEmptyMetadata(fields));
}

function withoutEmptyMetadata(fields: FieldsV1): FieldsV1 {
  const { 'f:metadata': metadata, ...rest } = fields;
  if (metadata === undefined) return fields;
  const kept = Object.entries(metadata).filter(
    ([key, claim]) =>
      !(key === 'f:labels' || key === 'f:annotations') || Object.keys(claim).some((child) => child !== '.'),
  );
  return kept.length === 0 ? rest : { ...rest, 'f:metadata': Object.fromEntries(kept) };
}

/**
 * The paths in a field set, sorted, in the notation of the API's conflict messages:
 * `.spec.template.spec.containers[name="app"].image`, `.metadata.finalizers[="x/y"]`.
 * A list item or map that is owned as such is listed besides its fields.
 */
export function fieldPathsOf(fields: FieldsV1): readonly string[] {
  const paths: string[] = [];
  walk(fields, '', paths);
  return paths.sort();
}

/** Who claims a field, or anything inside it. `path` is as {@link fieldPathsOf} gives it. */
export function ownersOf(object: KubeObject, path: string): readonly FieldOwner[] {
  const owners: FieldOwner[] = [];
  for (const entry of object.metadata.managedFields ?? []) {
    if (entry.fieldsV1 === undefined || !fieldPathsOf(entry.fieldsV1).some((owned) => isWithin(owned, path))) continue;
    const owner = { manager: entry.manager ?? '', operation: entry.operation ?? 'Update' };
    owners.push(
      entry.subresource === undefined || entry.subresource === ''
        ? owner
        : { ...owner, subresource: entry.subresource },
    );
  }
  return owners;
}

/**
 * The part of an object that a field set covers: what a manager says about it, without defaults and other managers'
 * fields.
 * Items of keyed lists keep their keys and the live order.
 */
export function projectFields(value: unknown, fields: FieldsV1): unknown {
  const children = Object.keys(fields).filter((key) => key !== '.');
  if (children.length === 0) return value;
  if (Array.isArray(value)) return projectList(value, fields, children);
  if (typeof value !== 'object' || value === null) return value;
  const source = value as Readonly<Record<string, unknown>>;
  const result: Record<string, unknown> = {};
  for (const key of children) {
    const name = key.slice(2);
    const child = fields[key];
    if (key.startsWith('f:') && child !== undefined && name in source)
      result[name] = projectFields(source[name], child);
  }
  return result;
}

/** True when `path` is `of` or something inside it. */
function isWithin(path: string, of: string): boolean {
  return path === of || (path.startsWith(of) && /^[.[]/.test(path.slice(of.length)));
}

function walk(fields: FieldsV1, prefix: string, paths: string[]): void {
  for (const [key, child] of Object.entries(fields)) {
    if (key === '.') {
      paths.push(prefix);
      continue;
    }
    const path = prefix + segment(key);
    // A leaf without a "." of its own.
    if (Object.keys(child).length === 0) paths.push(path);
    else walk(child, path, paths);
  }
}

function segment(key: string): string {
  const rest = key.slice(2);
  if (key.startsWith('f:')) return `.${rest}`;
  if (key.startsWith('v:')) return `[=${rest}]`;
  if (key.startsWith('i:')) return `[${rest}]`;
  const keys = Object.entries(JSON.parse(rest) as Readonly<Record<string, unknown>>);
  return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
}

function projectList(items: readonly unknown[], fields: FieldsV1, children: readonly string[]): readonly unknown[] {
  const kept: unknown[] = [];
  items.forEach((item, index) => {
    const key = children.find((candidate) => matches(candidate, item, index));
    const child = key === undefined ? undefined : fields[key];
    if (key === undefined || child === undefined) return;
    const part = projectFields(item, child);
    kept.push(
      key.startsWith('k:') && typeof part === 'object' ? { ...(JSON.parse(key.slice(2)) as object), ...part } : part,
    );
  });
  return kept;
}

function matches(key: string, item: unknown, index: number): boolean {
  if (key.startsWith('i:')) return Number(key.slice(2)) === index;
  if (key.startsWith('v:')) return canonicalJson(item) === canonicalJson(JSON.parse(key.slice(2)));
  if (!key.startsWith('k:') || typeof item !== 'object' || item === null) return false;
  const source = item as Readonly<Record<string, unknown>>;
  return Object.entries(JSON.parse(key.slice(2)) as Readonly<Record<string, unknown>>).every(
    ([name, value]) => source[name] === value,
  );
}
