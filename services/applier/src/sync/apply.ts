// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '@plumbline/core';
import type { ObjectChange } from '@plumbline/events';
import {
  type ApiResource,
  type ApplyResult,
  FIELD_MANAGER,
  healthOf,
  isAlreadyExists,
  isFieldManagerConflict,
  isNotFound,
  type KubeObject,
  refKey,
} from '@plumbline/kube';
import { diffObjects, type ManifestObject } from '@plumbline/manifest';
import { partsOf, type WantedObject } from '../domain/identity.js';
import type { InventoryEntry } from '../domain/inventory.js';
import { forEachOf } from '../domain/concurrency.js';
import { applyOrder } from '../domain/order.js';
import { type OwnerMark, ownerOf } from '../domain/owner-marks.js';
import { definedKind, type SetObject, valueAt } from '../domain/references.js';
import { ownedDigestOf } from '../clusters/live-object.js';
import { asKubeObject, clearObject, readObjects } from '../ownership/rendered-objects.js';
import { failureOf, withRetries } from './failure.js';
import { untilServed } from './gates.js';
import { takeOverClientSide } from './migrate.js';
import { kindId, type PreparedSet } from '../ownership/prepared-set.js';
import { droppedNote, applyWithOptOut } from './validation-opt-out.js';
import type { SyncJob, SyncTools } from './tools.js';

/** Results of a run of writes. */
export interface ApplyResults {
  readonly changes: ReadonlyMap<string, ObjectChange>;
  /** Inventory entries of the objects that were applied. */
  readonly entries: ReadonlyMap<string, InventoryEntry>;
  /** Keys whose write may have succeeded although no response arrived. */
  readonly uncertain: ReadonlySet<string>;
  /** True if a retry of the run may succeed. */
  readonly retryable: boolean;
  readonly superseded: boolean;
}

interface Write {
  readonly wanted: WantedObject;
  /** As rendered, Secrets sealed. */
  readonly manifest: ManifestObject;
  readonly node: SetObject;
}

/** Keys that must not be written, with the reason. */
export type Refusals = ReadonlyMap<string, ObjectChange>;

/** Returns true if an object needs no write: it was applied from the same content, and the watch shows it unchanged. */
export function isUnchanged(tools: SyncTools, job: SyncJob, wanted: WantedObject): boolean {
  const entry = job.inventory.get(wanted.key);
  if (
    entry?.desiredDigest !== wanted.digest ||
    entry.apiVersion !== wanted.apiVersion ||
    entry.uid === undefined ||
    entry.deleting === true
  )
    return false;
  // The API server may know the omitted fields by now.
  if (entry.dropped !== undefined) return false;
  const { cache } = tools.session;
  const live = cache.get(wanted.key);
  if (live === undefined || !cache.isLive(wanted.key)) return false;
  const marked = live.label === job.marks.label && live.owner === job.marks.annotationFor(wanted.key);
  return marked && !live.deleting && live.uid === entry.uid && live.ownedDigest === entry.ownedDigest;
}

/** Returns the refusal of an object that another target holds. */
export function refusedFor(owner: OwnerMark): Pick<ObjectChange, 'action' | 'reason' | 'message'> {
  return {
    action: 'Refused',
    reason: 'HeldElsewhere',
    message: `belongs to target ${owner.target} of the installation "${owner.installation}"`,
  };
}

/**
 * Returns true for a Job that was applied and that its TTL has deleted since: it is done, and another apply would run
 * it again.
 */
export async function isSpentJob(tools: SyncTools, entry: InventoryEntry | undefined): Promise<boolean> {
  if (entry?.uid === undefined || entry.desiredDigest === undefined || !entry.key.startsWith('batch/Job/'))
    return false;
  const { cache } = tools.session;
  if (!cache.isLive(entry.key) || cache.get(entry.key) !== undefined) return false;
  const manifest = (await readObjects(tools.store, [entry.desiredDigest])).get(entry.desiredDigest);
  if (valueAt(manifest, 'spec', 'ttlSecondsAfterFinished') === undefined) return false;
  const lastKnown = cache.deletedJob(entry.key);
  return lastKnown === undefined || healthOf(undefined, { nowMs: tools.clock.nowMs(), lastKnown }).state !== 'Missing';
}

/** Writes the objects that differ, level by level. A failure skips only the objects that depend on the failed one. */
export class ApplyRun {
  readonly #tools: SyncTools;
  readonly #job: SyncJob;
  readonly #prepared: PreparedSet;

  readonly #changes = new Map<string, ObjectChange>();
  readonly #entries = new Map<string, InventoryEntry>();
  readonly #uncertain = new Set<string>();
  readonly #before = new Map<Digest, ManifestObject>();
  #retryable = false;
  #superseded = false;

  constructor(tools: SyncTools, job: SyncJob, prepared: PreparedSet) {
    this.#tools = tools;
    this.#job = job;
    this.#prepared = prepared;
  }

  async run(writes: readonly WantedObject[], refusals: Refusals): Promise<ApplyResults> {
    for (const [key, change] of refusals) this.#changes.set(key, change);
    const old = writes
      .map(({ key }) => this.#job.inventory.get(key)?.desiredDigest)
      .filter((digest) => digest !== undefined);
    const objects = await readObjects(this.#tools.store, [...writes.map(({ digest }) => digest), ...old]);
    for (const digest of old) {
      const object = objects.get(digest);
      if (object !== undefined) this.#before.set(digest, object);
    }
    const nodes: SetObject[] = [];
    const byKey = new Map<string, Write>();
    for (const wanted of writes) {
      const manifest = objects.get(wanted.digest);
      if (manifest === undefined) {
        this.#fail(wanted, {
          reason: 'ContentMissing',
          message: `the rendered content ${wanted.digest} is not in the object store`,
          retryable: true,
        });
        continue;
      }
      const node = { key: wanted.key, ref: wanted.ref, object: asKubeObject(manifest) };
      byKey.set(wanted.key, { wanted, manifest, node });
      nodes.push(node);
    }
    const order = applyOrder(nodes);
    await this.#namespace(nodes);
    for (const level of order.levels) {
      if (this.#job.superseded()) {
        this.#supersede(level, byKey);
        continue;
      }
      await this.#level(level, order.dependencies, byKey);
    }
    return {
      changes: this.#changes,
      entries: this.#entries,
      uncertain: this.#uncertain,
      retryable: this.#retryable,
      superseded: this.#superseded,
    };
  }

  async #level(
    level: readonly SetObject[],
    dependencies: ReadonlyMap<string, ReadonlySet<string>>,
    byKey: ReadonlyMap<string, Write>,
  ): Promise<void> {
    await forEachOf(level, this.#tools.limits.perTarget, async (node) => {
      const write = byKey.get(node.key);
      if (write === undefined) return;
      const { wanted } = write;
      const blocked = [...(dependencies.get(node.key) ?? [])].find((key) => this.#isBroken(key));
      if (blocked !== undefined) {
        const { kind, name } = partsOf(blocked);
        this.#set(wanted, {
          action: 'Skipped',
          reason: 'DependencyFailed',
          message: `needs ${kind} ${name}, which was not applied`,
        });
        return;
      }
      try {
        await this.#write(write);
      } catch (error) {
        const failure = failureOf(error);
        if (failure.reason === 'ClusterUnreachable') this.#tools.session.suspect();
        if (failure.uncertain) this.#uncertain.add(wanted.key);
        this.#fail(wanted, failure);
      }
    });
  }

  #isBroken(key: string): boolean {
    const action = this.#changes.get(key)?.action;
    // An object that another target owns exists all the same.
    return action === 'Failed' || action === 'Skipped';
  }

  async #write(write: Write): Promise<void> {
    const { wanted, manifest, node } = write;
    const resource = await this.#resourceFor(wanted);
    if (resource === undefined) return;
    const { cache } = this.#tools.session;
    const watched = cache.isLive(wanted.key) || (await this.#tools.session.watch(resource, this.#tools.limits.watchMs));
    if (!watched) await this.#readLive(resource, wanted);
    const live = cache.get(wanted.key);
    const owner = ownerOf(live?.owner, wanted.key);
    if (
      owner !== undefined &&
      (owner.target !== this.#job.target || owner.installation !== this.#job.marks.installation) &&
      this.#job.heldElsewhere(owner)
    ) {
      this.#set(wanted, refusedFor(owner));
      return;
    }
    const body = this.#job.marks.mark(clearObject(manifest, this.#tools.sealKey), wanted.key, wanted.ref.namespace);
    const ours = owner !== undefined || (live !== undefined && this.#job.inventory.get(wanted.key)?.uid === live.uid);
    const {
      result: sent,
      body: kept,
      dropped,
    } = await applyWithOptOut(body, (sendable) => this.#send(resource, sendable, ours));
    const migrated =
      sent.result.created || ours ? undefined : await takeOverClientSide(this.#tools, resource, kept, sent.result);
    const result = migrated ?? sent.result;
    const takenOver =
      migrated === undefined ? sent.takenOver : [...sent.takenOver, 'kubectl-client-side-apply: all of its fields'];
    this.#done(write, { result, takenOver, dropped, existed: live?.resourceVersion });
    if (definedKind(node.object) !== undefined) await untilServed(this.#tools, resource, result.object, this.#job);
  }

  /** Reads an object whose kind cannot be watched before it is written. */
  async #readLive(resource: ApiResource, wanted: WantedObject): Promise<void> {
    const found = await withRetries(() =>
      this.#tools.session.client.get(resource, wanted.ref.namespace, wanted.ref.name),
    );
    if (found === undefined) this.#tools.session.cache.recordGone(wanted.key);
    else this.#tools.session.cache.record(found);
  }

  async #send(
    resource: ApiResource,
    body: KubeObject,
    ours: boolean,
  ): Promise<{ readonly result: ApplyResult; readonly takenOver: readonly string[] }> {
    const { client } = this.#tools.session;
    try {
      return { result: await withRetries(() => client.apply(resource, body, { force: ours })), takenOver: [] };
    } catch (error) {
      if (isFieldManagerConflict(error)) {
        const takenOver = error.conflicts.map(({ manager, field }) => `${manager}: ${field}`);
        return { result: await withRetries(() => client.apply(resource, body, { force: true })), takenOver };
      }
      // The namespace was deleted after it was looked up: create it again.
      if (isNotFound(error) && (await this.#recreateNamespace(body.metadata.namespace))) {
        return { result: await withRetries(() => client.apply(resource, body, { force: ours })), takenOver: [] };
      }
      throw error;
    }
  }

  #done(
    { wanted, manifest }: Write,
    sent: {
      readonly result: ApplyResult;
      readonly takenOver: readonly string[];
      readonly dropped: readonly string[];
      readonly existed: string | undefined;
    },
  ): void {
    const { object, created, warnings } = sent.result;
    this.#tools.session.cache.record(object);
    const { uid, resourceVersion } = object.metadata;
    const before = this.#job.inventory.get(wanted.key);
    this.#entries.set(wanted.key, {
      key: wanted.key,
      apiVersion: wanted.apiVersion,
      desiredDigest: wanted.digest,
      ownedDigest: ownedDigestOf(object),
      ...(uid === undefined ? {} : { uid }),
      ...(sent.dropped.length === 0 ? {} : { dropped: sent.dropped }),
    });
    const known = before?.uid !== undefined && before.uid === uid;
    const action = created
      ? 'Created'
      : known
        ? resourceVersion === sent.existed
          ? 'Unchanged'
          : 'Configured'
        : 'Adopted';
    const notes = [droppedNote(sent.dropped), ...warnings].filter((note) => note !== undefined);
    const fields = action === 'Configured' ? this.#fields(before?.desiredDigest, wanted, manifest) : [];
    this.#set(wanted, {
      action,
      ...(uid === undefined ? {} : { uid }),
      ...(fields.length > 0 ? { fields } : {}),
      ...(sent.takenOver.length > 0 ? { takenOver: sent.takenOver } : {}),
      ...(notes.length > 0 ? { message: notes.join('; ').slice(0, 1_000) } : {}),
    });
  }

  #fields(before: Digest | undefined, wanted: WantedObject, manifest: ManifestObject): readonly string[] {
    if (before === undefined || before === wanted.digest) return [];
    const old = this.#before.get(before);
    return old === undefined ? [] : diffObjects(old, manifest).map(({ path }) => path);
  }

  async #resourceFor(wanted: WantedObject): Promise<ApiResource | undefined> {
    const id = kindId(wanted.apiVersion, wanted.ref.kind);
    const known = this.#prepared.resources.get(id);
    if (known !== undefined) return known;
    const lookup = await this.#tools.session.client.discovery.resourceFor(wanted.apiVersion, wanted.ref.kind);
    if ('found' in lookup) {
      this.#prepared.resources.set(id, lookup.found);
      return lookup.found;
    }
    this.#fail(wanted, {
      reason: 'UnknownKind',
      message: `${wanted.apiVersion} ${wanted.ref.kind} is not served by the cluster yet`,
      retryable: true,
    });
    return undefined;
  }

  /**
   * Creates the namespace of the application if the set does not contain it. It carries no mark, since it is never
   * deleted with the set.
   */
  async #namespace(nodes: readonly SetObject[]): Promise<void> {
    const { namespace } = this.#job.version;
    if (namespace === undefined || !this.#job.version.createNamespace) return;
    const key = refKey({ group: '', kind: 'Namespace', name: namespace });
    if (
      this.#prepared.wanted.some((wanted) => wanted.key === key) ||
      !nodes.some(({ ref }) => ref.namespace === namespace)
    )
      return;
    if (this.#tools.session.cache.get(key) !== undefined) return;
    // A failure is reported for each object in the namespace.
    await this.#createNamespace(namespace).catch(() => undefined);
  }

  async #recreateNamespace(namespace: string | undefined): Promise<boolean> {
    if (namespace === undefined || namespace !== this.#job.version.namespace || !this.#job.version.createNamespace)
      return false;
    return this.#createNamespace(namespace).then(
      () => true,
      () => false,
    );
  }

  async #createNamespace(namespace: string): Promise<void> {
    const { client, cache } = this.#tools.session;
    const lookup = await client.discovery.resourceFor('v1', 'Namespace');
    if (!('found' in lookup)) return;
    try {
      cache.record(
        await client.create(
          lookup.found,
          { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
          { fieldManager: FIELD_MANAGER },
        ),
      );
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }

  #supersede(level: readonly SetObject[], byKey: ReadonlyMap<string, Write>): void {
    this.#superseded = true;
    for (const { key } of level) {
      const wanted = byKey.get(key)?.wanted;
      if (wanted !== undefined)
        this.#set(wanted, { action: 'Skipped', reason: 'Superseded', message: 'a newer release supersedes this sync' });
    }
  }

  #fail(
    wanted: WantedObject,
    failure: { readonly reason: string; readonly message: string; readonly retryable: boolean },
  ): void {
    if (failure.retryable) this.#retryable = true;
    this.#set(wanted, { action: 'Failed', reason: failure.reason, message: failure.message.slice(0, 4_000) });
  }

  #set(wanted: WantedObject, change: Omit<ObjectChange, 'key' | 'apiVersion'>): void {
    this.#changes.set(wanted.key, { key: wanted.key, apiVersion: wanted.apiVersion, ...change });
  }
}
