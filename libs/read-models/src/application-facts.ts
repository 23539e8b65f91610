// SPDX-License-Identifier: Apache-2.0
import { InvariantError } from '@plumbline/core';
import type { RecordedEvent } from '@plumbline/events';
import type { ViewReader } from './documents.js';
import { targetKey } from './keys.js';

/** What the fold of an application reads of the versions and targets of the same application. */
export interface ApplicationFacts {
  /** Returns the highest version number ever given to the application, or 0. */
  highestVersion(application: string): number;
  /**
   * Returns true if a target of the application may hold objects.
   * @param exceptTarget key of a target that does not count
   */
  holdsObjects(application: string, exceptTarget?: string): boolean;
}

/** Derives the facts from version and target documents. */
export function factsFromDocuments(views: ViewReader): ApplicationFacts {
  return {
    highestVersion: (application) => {
      let highest = 0;
      for (const [, version] of views.scan('version', `${application}/`)) highest = Math.max(highest, version.version);
      return highest;
    },
    holdsObjects: (application, exceptTarget) => {
      for (const [key, target] of views.scan('target', `${application}/`)) {
        if (key !== exceptTarget && (target.inventoryDigest !== undefined || target.running !== undefined)) return true;
      }
      return false;
    },
  };
}

/** Serialisable contents of {@link FoldedFacts}. */
export interface FoldedFactsState {
  readonly highestVersions: readonly (readonly [application: string, version: number])[];
  /** Keys of targets. */
  readonly holdingTargets: readonly string[];
}

/** Derives the same facts from events, for stores that keep no version or target documents. */
export class FoldedFacts implements ApplicationFacts {
  readonly #highestVersions = new Map<string, number>();
  readonly #holdingTargets = new Map<string, Set<string>>();

  /** Folds one event. */
  apply(event: RecordedEvent): void {
    switch (event.type) {
      case 'VersionRendered':
        this.versionSeen(event.data.application, event.data.version);
        break;
      case 'SyncStarted':
      case 'SyncCompleted':
        this.targetHolds(event.data.application, event.data.environment, event.data.cluster);
        break;
      case 'TargetRemoved': {
        const { application, environment, cluster } = event.data;
        this.#holdingTargets.get(application)?.delete(targetKey(application, environment, cluster));
        break;
      }
      default:
    }
  }

  /** Records that the application has a version of this number. */
  versionSeen(application: string, version: number): void {
    this.#highestVersions.set(application, Math.max(version, this.highestVersion(application)));
  }

  /** Records that the target may hold objects. */
  targetHolds(application: string, environment: string, cluster: string): void {
    const targets = this.#holdingTargets.get(application) ?? new Set();
    this.#holdingTargets.set(application, targets.add(targetKey(application, environment, cluster)));
  }

  highestVersion(application: string): number {
    return this.#highestVersions.get(application) ?? 0;
  }

  holdsObjects(application: string, exceptTarget?: string): boolean {
    const targets = this.#holdingTargets.get(application);
    if (targets === undefined) return false;
    return targets.size > (exceptTarget !== undefined && targets.has(exceptTarget) ? 1 : 0);
  }

  snapshot(): FoldedFactsState {
    return {
      highestVersions: [...this.#highestVersions],
      holdingTargets: [...this.#holdingTargets.values()].flatMap((targets) => [...targets]),
    };
  }

  /** Replaces the contents. */
  restore({ highestVersions, holdingTargets }: FoldedFactsState): void {
    this.#highestVersions.clear();
    this.#holdingTargets.clear();
    for (const [application, version] of highestVersions) this.versionSeen(application, version);
    for (const key of holdingTargets) {
      const [project, name, environment, cluster] = key.split('/');
      if (project === undefined || name === undefined || environment === undefined || cluster === undefined)
        throw new InvariantError('PLB-9131', `a snapshot of read models has the invalid target key "${key}"`);
      this.targetHolds(`${project}/${name}`, environment, cluster);
    }
  }
}
