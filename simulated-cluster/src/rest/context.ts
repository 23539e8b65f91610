// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import type { Clock } from '@plumbline/core';
import { isObj, listAt, type Obj, textAt } from '../value.js';
import type { Store } from '../store/store.js';
import type { ResourceRegistry } from './registry.js';
import type { Resource } from '../resource.js';
import type { PrepareContext } from '../strategy.js';

/** One write, as admission sees it. */
export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly dryRun: boolean;
  /** The object as it would be stored; undefined for a DELETE. */
  readonly object: Obj | undefined;
  readonly oldObject: Obj | undefined;
}

/** A test's admission webhook: returns the reason for a refusal, or nothing to allow. */
export type AdmissionHook = (request: AdmissionRequest) => AdmissionRefusal | undefined;

/** How an admission hook refuses. */
export interface AdmissionRefusal {
  readonly message: string;
  /** Name of the webhook that refuses, as the message carries it. */
  readonly webhook?: string;
  /** Name of the ValidatingAdmissionPolicy (and of its binding) that refuses, instead of a webhook. */
  readonly policy?: string;
  /** 403 by default for a webhook; a policy always answers 422. */
  readonly code?: number;
  readonly reason?: string;
}

/** What every part of the simulated API server works on. */
export class ServerContext {
  readonly admissionHooks = new Set<AdmissionHook>();
  readonly #allocated = new Set<string>();
  #nextAddress = 10;
  #nextPort = 0;

  constructor(
    readonly store: Store,
    readonly registry: ResourceRegistry,
    readonly clock: Clock,
    readonly gitVersion: string,
  ) {
    store.subscribe('/services', (change) => {
      this.#allocationsOf(change.before).forEach((entry) => this.#allocated.delete(entry));
      if (change.type !== 'DELETED') this.#allocationsOf(change.object).forEach((entry) => this.#allocated.add(entry));
    });
  }

  now(): string {
    return `${new Date(this.clock.nowMs()).toISOString().slice(0, 19)}Z`;
  }

  uid(): string {
    return randomUUID();
  }

  /** The live object of a resource, in the resource's own version. */
  live(resource: Resource, key: string): Obj | undefined {
    return this.store.get(resource.collection, key);
  }

  prepare(): PrepareContext {
    // What one object claims counts as taken at once; for all others it does when the object is stored.
    const claimed = new Set<string>();
    const isTaken = (pool: string, value: string | number): boolean =>
      claimed.has(`${pool}/${value}`) || this.#allocated.has(`${pool}/${value}`);
    return {
      nowMs: this.clock.nowMs(),
      now: this.now(),
      uid: () => this.uid(),
      isTaken,
      allocate: (pool) => {
        let made: string | number;
        do
          made =
            pool === 'clusterIP' ? addressOf(this.#nextAddress++) : FIRST_NODE_PORT + (this.#nextPort++ % NODE_PORTS);
        while (isTaken(pool, made));
        claimed.add(`${pool}/${made}`);
        return made;
      },
    };
  }

  /** Reads anew what existing services hold; after a restore. */
  readAllocations(): void {
    this.#allocated.clear();
    for (const key of this.store.keys('/services'))
      this.#allocationsOf(this.store.get('/services', key)).forEach((entry) => this.#allocated.add(entry));
  }

  #allocationsOf(service: Obj | undefined): readonly string[] {
    const addresses = listAt(service, 'spec', 'clusterIPs').map((address) => `clusterIP/${String(address)}`);
    const ports = listAt(service, 'spec', 'ports').flatMap((port) =>
      isObj(port) && typeof port['nodePort'] === 'number' ? [`nodePort/${port['nodePort']}`] : [],
    );
    return [...addresses, ...ports].filter((entry) => entry !== 'clusterIP/None');
  }
}

const FIRST_NODE_PORT = 30_000;
const NODE_PORTS = 2768;

/** The nth address of 10.96.0.0/12. */
function addressOf(index: number): string {
  return `10.${96 + ((index >> 16) & 15)}.${(index >> 8) & 255}.${index & 255}`;
}

/** Whether a namespace is there and not on its way out. */
export function namespaceState(store: Store, name: string): 'active' | 'terminating' | 'missing' {
  const namespace = store.get('/namespaces', name);
  if (namespace === undefined) return 'missing';
  return textAt(namespace, 'metadata', 'deletionTimestamp') === undefined ? 'active' : 'terminating';
}
