// SPDX-License-Identifier: Apache-2.0
import { type Digest, InvariantError, NotFoundError, TargetId } from '@plumbline/core';
import type { ObjectStore } from '@plumbline/object-store';
import type { ClusterSession } from '../clusters/cluster-session.js';
import type { Fleet, RenderedVersion } from '../domain/fleet.js';
import { partsOf } from '../domain/identity.js';
import type { OwnerMark } from '../domain/owner-marks.js';
import type { TargetState } from '../domain/target-state.js';
import { Claims } from './claims.js';
import type { Inventories } from './inventories.js';
import { prepareSet } from './prepared-set.js';

/** The parts of {@link Ownership}. */
export interface OwnershipOptions {
  /** Name of this control plane on objects. */
  readonly installation: string;
  readonly fleet: Fleet;
  readonly store: ObjectStore;
  readonly inventories: Inventories;
  readonly session: (cluster: string) => ClusterSession | undefined;
}

interface WantedKeys {
  readonly renderDigest: string;
  readonly keys: ReadonlySet<string>;
}

/** Which target owns which object, on each cluster, and which targets are about to own it. */
export class Ownership {
  readonly #options: OwnershipOptions;
  /** A session that replaces another one starts without claims and reads them from the inventories. */
  readonly #claims = new WeakMap<ClusterSession, Claims>();
  readonly #wanted = new Map<TargetId, WantedKeys>();

  constructor(options: OwnershipOptions) {
    this.#options = options;
  }

  /** The claims on the cluster of a session. */
  claimsOf(session: ClusterSession): Claims {
    let claims = this.#claims.get(session);
    if (claims === undefined) {
      claims = new Claims();
      this.#claims.set(session, claims);
    }
    return claims;
  }

  /**
   * Claims everything that the inventories of the targets on a cluster hold. Must resolve before the first decision
   * on the cluster.
   * Returns the kinds in use as `apiVersion kind`.
   */
  async claimInventories(session: ClusterSession): Promise<ReadonlySet<string>> {
    const { fleet, inventories } = this.#options;
    const targets = [...fleet.targetsOn(session.name)].filter(({ inventoryDigest }) => inventoryDigest !== undefined);
    await inventories.load(targets);
    const claims = this.claimsOf(session);
    const kinds = new Set<string>();
    for (const target of targets) {
      for (const { key, apiVersion } of (await inventories.of(target)).values()) {
        claims.claim(key, target.id);
        kinds.add(`${apiVersion} ${partsOf(key).kind}`);
      }
    }
    return kinds;
  }

  /**
   * True if the owner that an object names holds it through another control plane, or through another name of the
   * same cluster. Under
   * one name of a cluster the claims decide; one API server under two names has two sets of claims.
   */
  isHeldElsewhere({ installation, target, key }: OwnerMark, cluster: string): boolean {
    if (installation !== this.#options.installation) return true;
    const { fleet, inventories } = this.#options;
    const [project = '', name = '', environment = '', ownCluster = ''] = target.split('/');
    const id = TargetId.of(`${project}/${name}`, environment, ownCluster);
    return ownCluster !== cluster && fleet.hasTarget(id) && inventories.cached(fleet.target(id))?.has(key) === true;
  }

  /** Records the keys that the released set of a target has on its cluster. */
  recordWanted(target: TargetId, renderDigest: string, keys: ReadonlySet<string>): void {
    this.#wanted.set(target, { renderDigest, keys });
  }

  /** Returns which of the keys are in the released set of another target on the same cluster. */
  async wantedElsewhere(id: TargetId, keys: readonly string[]): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    const { fleet, store, session: sessionOf } = this.#options;
    const { cluster } = fleet.target(id);
    const session = sessionOf(cluster);
    if (session === undefined) return found;
    const others = [...fleet.targetsOn(cluster)].filter((other) => other.id !== id);
    // One round trip for all sets that were not read yet.
    await store.getMany(others.flatMap((other) => this.#unreadSet(other)));
    for (const other of others) {
      const wanted = await this.#wantedBy(other, session);
      for (const key of keys) if (wanted.has(key)) found.add(key);
    }
    return found;
  }

  #unreadSet(target: TargetState): readonly Digest[] {
    const digest = this.#options.fleet.releasedVersion(target)?.renderDigest;
    return digest === undefined || this.#wanted.get(target.id)?.renderDigest === digest ? [] : [digest];
  }

  async #wantedBy(target: TargetState, session: ClusterSession): Promise<ReadonlySet<string>> {
    const version = this.#options.fleet.releasedVersion(target);
    if (version === undefined) return new Set();
    const known = this.#wanted.get(target.id);
    if (known?.renderDigest === version.renderDigest) return known.keys;
    const keys = await this.#readWanted(version, session);
    this.recordWanted(target.id, version.renderDigest, keys);
    return keys;
  }

  async #readWanted(version: RenderedVersion, session: ClusterSession): Promise<ReadonlySet<string>> {
    try {
      const prepared = await prepareSet({ session, store: this.#options.store }, version);
      return new Set(prepared.wanted.map(({ key }) => key));
    } catch (error) {
      // A set that cannot be read cannot be applied either.
      if (error instanceof NotFoundError || error instanceof InvariantError) return new Set();
      throw error;
    }
  }
}
