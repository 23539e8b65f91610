// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { type ApiResource, groupOf, type KubeObject } from '@plumbline/kube';
import type { ObjectChange } from '@plumbline/events';
import { UpstreamError } from '@plumbline/core';
import { partsOf, refOfKey } from '../domain/identity.js';
import type { InventoryEntry } from '../domain/inventory.js';
import { forEachOf } from '../domain/concurrency.js';
import { pruneOrder } from '../domain/order.js';
import { ownerOf, OWNER_ANNOTATION, protectionOf, TARGET_LABEL } from '../domain/owner-marks.js';
import { definedKind, type SetObject } from '../domain/references.js';
import { asKubeObject, readObjects } from '../ownership/rendered-objects.js';
import { foreignContents } from './contents.js';
import { failureOf, withRetries } from './failure.js';
import type { SyncJob, SyncTools } from './tools.js';

/** Results of a run of deletions. */
export interface PruneResults {
  readonly changes: readonly ObjectChange[];
  /** Entries that stay in the inventory. */
  readonly kept: readonly InventoryEntry[];
  readonly retryable: boolean;
}

/** True for API groups that are not part of Kubernetes. */
function isCustomGroup(group: string): boolean {
  return group.includes('.') && !group.endsWith('.k8s.io');
}

interface Deletion {
  readonly entry: InventoryEntry;
  readonly node: SetObject;
}

/**
 * Deletes or orphans objects that are no longer in the set: in reverse order, with the UID as precondition and an
 * explicit propagation
 * policy, and only objects that still carry our marks.
 */
export class PruneRun {
  readonly #tools: SyncTools;
  readonly #job: SyncJob;
  readonly #mode: 'Delete' | 'Orphan';

  readonly #changes: ObjectChange[] = [];
  readonly #kept = new Map<string, InventoryEntry>();
  readonly #remaining = new Set<string>();
  #deleted: ReadonlySet<string> = new Set();
  /** CustomResourceDefinitions of the run and the kind that each defines. */
  readonly #definitions = new Map<string, string>();
  #retryable = false;

  constructor(tools: SyncTools, job: SyncJob, mode: 'Delete' | 'Orphan') {
    this.#tools = tools;
    this.#job = job;
    this.#mode = mode;
  }

  async run(entries: readonly InventoryEntry[]): Promise<PruneResults> {
    const nodes = await this.#nodes(entries);
    const order = pruneOrder(
      nodes.map(({ node }) => node),
      (ref) => isCustomGroup(ref.group),
    );
    const byKey = new Map(nodes.map((deletion) => [deletion.entry.key, deletion]));
    const elsewhere =
      this.#mode === 'Delete' ? await this.#job.wantedElsewhere(entries.map(({ key }) => key)) : new Set<string>();
    for (const { entry } of nodes) this.#remaining.add(entry.key);
    this.#deleted = new Set(byKey.keys());
    for (const { node } of nodes) {
      const defined = definedKind(node.object);
      if (defined !== undefined) this.#definitions.set(node.key, defined);
    }
    for (const level of order.levels) {
      await forEachOf(level, this.#tools.limits.perTarget, async ({ key }) => {
        const deletion = byKey.get(key);
        if (deletion === undefined) return;
        if (elsewhere.has(key)) {
          this.#settle(deletion.entry, {
            action: 'Released',
            reason: 'WantedElsewhere',
            message: 'another target has it in its set and adopts it',
          });
          return;
        }
        const blocking = await this.#waitFor(order.after.get(key) ?? new Set());
        if (blocking.length > 0) {
          this.#keep(deletion.entry, {
            action: 'PendingDeletion',
            reason: 'WaitsForOthers',
            message: `is deleted once ${blocking.slice(0, 5).join(', ')} ${blocking.length === 1 ? 'no longer exists' : 'no longer exist'}`,
          });
          return;
        }
        await this.#one(deletion.entry);
      });
    }
    // The API server deletes the custom resources of a definition by itself, within a moment.
    await this.#waitFor(
      new Set([...this.#kept.keys()].filter((key) => key.startsWith('apiextensions.k8s.io/CustomResourceDefinition/'))),
    );
    return { changes: this.#changes, kept: [...this.#kept.values()], retryable: this.#retryable };
  }

  async #nodes(entries: readonly InventoryEntry[]): Promise<Deletion[]> {
    const objects = await readObjects(
      this.#tools.store,
      entries.map(({ desiredDigest }) => desiredDigest).filter((digest) => digest !== undefined),
    );
    return entries.map((entry) => {
      const manifest = entry.desiredDigest === undefined ? undefined : objects.get(entry.desiredDigest);
      const { kind, name } = partsOf(entry.key);
      const object: KubeObject =
        manifest === undefined ? { apiVersion: entry.apiVersion, kind, metadata: { name } } : asKubeObject(manifest);
      return { entry, node: { key: entry.key, ref: refOfKey(entry.key), object } };
    });
  }

  /** Waits until objects of earlier levels no longer exist. Returns the names of those that still exist. */
  async #waitFor(keys: ReadonlySet<string>): Promise<readonly string[]> {
    const untilMs = this.#tools.clock.nowMs() + this.#tools.limits.pruneWaitMs;
    let existing = [...keys].filter((key) => this.#remaining.has(key));
    while (existing.length > 0 && this.#tools.clock.nowMs() < untilMs) {
      if (!existing.some((key) => this.#kept.has(key))) return this.#names(existing);
      await delay(50);
      for (const key of existing) await this.#recheck(key);
      existing = existing.filter((key) => this.#remaining.has(key));
    }
    return this.#names(existing);
  }

  #names(keys: readonly string[]): readonly string[] {
    return keys.map((key) => {
      const { kind, name } = partsOf(key);
      return `${kind} ${name}`;
    });
  }

  /** Checks whether an object with a pending deletion still exists. */
  async #recheck(key: string): Promise<void> {
    const entry = this.#kept.get(key);
    if (entry?.deleting !== true) return;
    try {
      const resource = await this.#resource(entry);
      const { namespace, name } = refOfKey(key);
      const live = resource === undefined ? undefined : await this.#tools.session.client.get(resource, namespace, name);
      if (live !== undefined && live.metadata.uid === entry.uid) return;
      this.#kept.delete(key);
      const pending = this.#changes.findIndex((change) => change.key === key);
      if (pending >= 0) this.#changes.splice(pending, 1);
      this.#settle(entry, { action: 'Pruned' });
    } catch {
      // The request failed: the object stays pending, and a later run checks it again.
    }
  }

  async #one(entry: InventoryEntry): Promise<void> {
    try {
      const resource = await this.#resource(entry);
      if (resource === undefined) {
        this.#settle(entry, {
          action: 'Pruned',
          reason: 'KindGone',
          message: 'the cluster no longer serves its kind, so the object does not exist',
        });
        return;
      }
      const { namespace, name } = refOfKey(entry.key);
      const live = await withRetries(() => this.#tools.session.client.get(resource, namespace, name));
      if (live === undefined) this.#settle(entry, { action: 'Pruned', reason: 'AlreadyGone' });
      else await this.#decide(resource, entry, live);
    } catch (error) {
      const failure = failureOf(error);
      if (failure.reason === 'ClusterUnreachable') this.#tools.session.suspect();
      this.#retryable = true;
      this.#keep(entry, {
        action: 'Failed',
        reason: failure.reason,
        message: `the deletion failed: ${failure.message}`,
      });
    }
  }

  async #decide(resource: ApiResource, entry: InventoryEntry, live: KubeObject): Promise<void> {
    const { uid = '', annotations, labels } = live.metadata;
    const owner = ownerOf(annotations?.[OWNER_ANNOTATION], entry.key);
    const ours =
      owner?.installation === this.#job.marks.installation &&
      owner.target === this.#job.target &&
      labels?.[TARGET_LABEL] === this.#job.marks.label;
    if (entry.uid !== undefined && entry.uid !== uid) {
      this.#settle(entry, {
        action: 'Released',
        reason: 'Replaced',
        message: `another client has created it again (UID ${uid}); it was not deleted`,
      });
      return;
    }
    if (!ours) {
      this.#settle(entry, {
        action: 'Released',
        reason: 'NotOwned',
        message: 'it no longer carries the marks of this target; it was not deleted',
      });
      return;
    }
    if (this.#mode === 'Orphan') {
      await this.#orphan(resource, entry, live);
      return;
    }
    const protectedBy = protectionOf(live);
    if (protectedBy !== undefined) {
      this.#settle(entry, { action: 'Released', reason: 'Protected', message: `not deleted: ${protectedBy}` });
      return;
    }
    const foreign = this.#job.confirmPrune
      ? []
      : await foreignContents(this.#tools, { key: entry.key, ref: refOfKey(entry.key), object: live }, this.#deleted);
    if (foreign.length > 0) {
      this.#settle(entry, {
        action: 'Released',
        reason: 'HoldsForeignObjects',
        message: `not deleted, because it contains ${foreign.join(', ')}, which would be deleted with it`,
      });
      return;
    }
    await this.#delete(resource, entry, live);
  }

  async #delete(resource: ApiResource, entry: InventoryEntry, live: KubeObject): Promise<void> {
    const { namespace, name } = refOfKey(entry.key);
    const { uid = '' } = live.metadata;
    const { client, cache } = this.#tools.session;
    const result =
      live.metadata.deletionTimestamp === undefined
        ? await withRetries(() => client.delete(resource, namespace, name, { uid, propagationPolicy: 'Background' }))
        : { gone: false, object: live };
    if (result.gone) {
      cache.recordGone(entry.key);
      this.#settle(entry, { action: 'Pruned', uid });
      return;
    }
    const { finalizers = [], deletionTimestamp = '' } = result.object?.metadata ?? live.metadata;
    this.#keep(
      { ...entry, uid, deleting: true },
      {
        action: 'PendingDeletion',
        reason: 'Finalizers',
        uid,
        finalizers,
        message: `is being deleted since ${deletionTimestamp}; waits for ${finalizers.length > 0 ? finalizers.join(', ') : 'its contents'}`,
      },
    );
  }

  /** Removes our marks and our ownership of fields; the object itself stays as it is. */
  async #orphan(resource: ApiResource, entry: InventoryEntry, live: KubeObject): Promise<void> {
    const { name, namespace, resourceVersion } = live.metadata;
    const managedFields = (live.metadata.managedFields ?? []).filter(
      (field) => !(field.manager === 'plumbline' && field.operation === 'Apply'),
    );
    const escape = (text: string): string => text.replaceAll('~', '~0').replaceAll('/', '~1');
    const json = [
      { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
      { op: 'remove', path: `/metadata/labels/${escape(TARGET_LABEL)}` },
      { op: 'remove', path: `/metadata/annotations/${escape(OWNER_ANNOTATION)}` },
      // The API server reads a list with one empty entry as "no managers"; it ignores an empty list.
      { op: 'replace', path: '/metadata/managedFields', value: managedFields.length > 0 ? managedFields : [{}] },
    ];
    await withRetries(() => this.#tools.session.client.patch(resource, { namespace, name }, { json }));
    this.#settle(entry, {
      action: 'Released',
      reason: 'Orphaned',
      ...(entry.uid === undefined ? {} : { uid: entry.uid }),
    });
  }

  /**
   * Returns the resource of an entry; undefined if its kind does not exist any more. @throws UpstreamError if
   * discovery failed
   */
  async #resource(entry: InventoryEntry): Promise<ApiResource | undefined> {
    const { discovery } = this.#tools.session.client;
    const { kind } = partsOf(entry.key);
    const lookup = await discovery.resourceFor(entry.apiVersion, kind);
    if ('found' in lookup) return lookup.found;
    if ('unknown' in lookup)
      throw new UpstreamError('PLB-6512', `discovery of ${entry.apiVersion} ${kind} failed: ${lookup.unknown}`);
    // The kind may be served in another version.
    return (await discovery.all()).find(
      (resource) => resource.group === groupOf(entry.apiVersion) && resource.kind === kind,
    );
  }

  #settle(entry: InventoryEntry, change: Omit<ObjectChange, 'key' | 'apiVersion'>): void {
    this.#remaining.delete(entry.key);
    const defined = change.action === 'Pruned' ? this.#definitions.get(entry.key) : undefined;
    if (defined !== undefined) void this.#tools.session.cache.unwatch(defined);
    this.#changes.push({ key: entry.key, apiVersion: entry.apiVersion, ...change });
  }

  #keep(entry: InventoryEntry, change: Omit<ObjectChange, 'key' | 'apiVersion'>): void {
    this.#kept.set(entry.key, entry);
    this.#changes.push({ key: entry.key, apiVersion: entry.apiVersion, ...change });
  }
}
