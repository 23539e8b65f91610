// SPDX-License-Identifier: Apache-2.0
import type { FieldsV1, KubeObject, ManagedFieldsEntry } from '@plumbline/kube';
import type { InventoryEntry } from './inventory.js';

/** The observed state of an object that drift detection needs. */
export interface Observed {
  readonly key: string;
  readonly uid: string;
  /** Digest of the fields that our Apply entry owns. */
  readonly ownedDigest: string;
  /** Value of the target label. */
  readonly label: string | undefined;
  /** Value of the owner annotation. */
  readonly owner: string | undefined;
  readonly deleting: boolean;
}

/** How an object differs from its last apply. */
export type DriftKind = 'Changed' | 'Missing' | 'Replaced' | 'Unmarked';

/** Marks that a target expects on an object. */
export interface ExpectedMarks {
  readonly label: string;
  readonly annotation: string;
}

/** Compares an inventory entry with the live object. Returns undefined if they agree or the entry was never applied. */
export function driftOf(
  entry: InventoryEntry,
  live: Observed | undefined,
  marks: ExpectedMarks,
): DriftKind | undefined {
  if (entry.uid === undefined || entry.ownedDigest === undefined || entry.deleting === true) return undefined;
  if (live === undefined) return 'Missing';
  if (live.uid !== entry.uid) return 'Replaced';
  if (live.label !== marks.label || live.owner !== marks.annotation) return 'Unmarked';
  return live.ownedDigest === entry.ownedDigest ? undefined : 'Changed';
}

/** Fields whose ownership was lost, and the managers that own them now. Paths only, never values. */
export interface LostFields {
  readonly fields: readonly string[];
  readonly actors: readonly string[];
}

/**
 * Returns the fields of the desired object that our Apply entry no longer owns on the live object, with the managers
 * that own them now.
 */
export function lostFields(desired: KubeObject, live: KubeObject, manager: string): LostFields {
  const entries = live.metadata.managedFields ?? [];
  const mine = entries.find(
    (entry) => entry.manager === manager && entry.operation === 'Apply' && (entry.subresource ?? '') === '',
  );
  const others = entries.filter((entry) => entry !== mine);
  const { apiVersion: _, kind: __, metadata, status: ___, ...body } = desired;
  const { labels, annotations, finalizers, ownerReferences } = metadata;
  const claimed: Record<string, unknown> = { ...body, metadata: { labels, annotations, finalizers, ownerReferences } };
  const walk = new LossWalk(others);
  walk.object(claimed, mine?.fieldsV1 ?? {}, { path: '', steps: [] });
  return { fields: [...walk.fields].sort(), actors: walk.actors() };
}

interface At {
  readonly path: string;
  /** Steps of the trie from the root to here. */
  readonly steps: readonly string[];
}

class LossWalk {
  readonly #others: readonly ManagedFieldsEntry[];

  readonly fields = new Set<string>();
  readonly #actors = new Set<string>();

  constructor(others: readonly ManagedFieldsEntry[]) {
    this.#others = others;
  }

  /** Returns the managers of the lost fields; the last writer if no manager owns them. */
  actors(): string[] {
    if (this.fields.size > 0 && this.#actors.size === 0) {
      const writers = this.#others
        .filter((entry) => (entry.subresource ?? '') === '')
        .sort((a, b) => ((a.time ?? '') < (b.time ?? '') ? 1 : -1));
      const last = writers[0]?.manager;
      if (last !== undefined) this.#actors.add(last);
    }
    return [...this.#actors].sort();
  }

  object(value: Readonly<Record<string, unknown>>, owned: FieldsV1, at: At): void {
    for (const [name, child] of Object.entries(value)) {
      if (child === undefined || child === null) continue;
      const step = `f:${name}`;
      this.#value(child, owned[step], { path: joined(at.path, name), steps: [...at.steps, step] });
    }
  }

  #value(value: unknown, owned: FieldsV1 | undefined, at: At): void {
    if (owned !== undefined && Object.keys(owned).length === 0) return;
    if (Array.isArray(value)) return this.#list(value, owned, at);
    if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) {
      return this.object(Object.fromEntries(Object.entries(value)), owned ?? {}, at);
    }
    if (owned === undefined) this.#lose(at);
  }

  #list(value: readonly unknown[], owned: FieldsV1 | undefined, at: At): void {
    if (owned === undefined) {
      this.#lose(at);
      return;
    }
    for (const item of value) {
      const step = stepOf(item, owned);
      if (step === undefined) this.#lose({ path: `${at.path}[${describe(item)}]`, steps: at.steps });
      else if (step.startsWith('k:') && typeof item === 'object' && item !== null) {
        this.object(Object.fromEntries(Object.entries(item)), owned[step] ?? {}, {
          path: `${at.path}[${describe(item)}]`,
          steps: [...at.steps, step],
        });
      }
    }
  }

  #lose(at: At): void {
    this.fields.add(at.path);
    for (const { manager, fieldsV1 } of this.#others) {
      if (manager !== undefined && owns(fieldsV1, at.steps)) this.#actors.add(manager);
    }
  }
}

function owns(fields: FieldsV1 | undefined, steps: readonly string[]): boolean {
  let current = fields;
  for (const step of steps) current = current?.[step];
  return current !== undefined;
}

function stepOf(item: unknown, owned: FieldsV1): string | undefined {
  for (const step of Object.keys(owned)) {
    if (step.startsWith('v:') && step.slice(2) === JSON.stringify(item)) return step;
    if (step.startsWith('k:') && typeof item === 'object' && item !== null && hasKeys(item, step.slice(2))) return step;
  }
  return undefined;
}

const KEY_DEFAULTS: Readonly<Record<string, unknown>> = { protocol: 'TCP' };

function hasKeys(item: object, keys: string): boolean {
  const wanted: unknown = JSON.parse(keys);
  if (typeof wanted !== 'object' || wanted === null) return false;
  const values = new Map<string, unknown>(Object.entries(item));
  return Object.entries(wanted).every(([name, value]) => (values.get(name) ?? KEY_DEFAULTS[name]) === value);
}

function describe(item: unknown): string {
  if (typeof item !== 'object' || item === null) return typeof item === 'string' ? item.slice(0, 60) : String(item);
  const values = new Map<string, unknown>(Object.entries(item));
  for (const name of ['name', 'mountPath', 'containerPort', 'port', 'ip', 'key', 'type']) {
    const value = values.get(name);
    if (typeof value === 'string' || typeof value === 'number') return `${name}=${value}`;
  }
  return 'item';
}

function joined(path: string, name: string): string {
  if (!/^[A-Za-z_$][\w$-]*$/.test(name)) return `${path}["${name}"]`;
  return path === '' ? name : `${path}.${name}`;
}
