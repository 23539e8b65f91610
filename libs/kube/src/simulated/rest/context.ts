// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import type { Clock } from '@plumbline/core';
import { isObj, listAt, textAt } from '../value.js';
import type { Obj } from '../value.js';
import type { Store } from '../store/store.js';
import type { ResourceRegistry } from './registry.js';
import type { Resource } from './resource.js';
import type { PrepareContext } from './strategy.js';

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
  private readonly usedAddresses = new Map<string, string>();
  private nextAddress = 10;
  private nextPort = 30_000;

  constructor(
    readonly store: Store,
    readonly registry: ResourceRegistry,
    readonly clock: Clock,
    readonly gitVersion: string,
  ) {}

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
    return { nowMs: this.clock.nowMs(), now: this.now(), uid: () => this.uid(), allocate: (pool, wanted) => this.allocate(pool, wanted) };
  }

  /** Marks what existing services hold as taken; called after a restore. */
  readAllocations(): void {
    this.usedAddresses.clear();
    for (const key of this.store.keys('/services')) {
      const service = this.store.get('/services', key);
      for (const address of listAt(service, 'spec', 'clusterIPs')) this.usedAddresses.set(`clusterIP/${String(address)}`, key);
      for (const port of listAt(service, 'spec', 'ports')) if (isObj(port) && typeof port['nodePort'] === 'number') this.usedAddresses.set(`nodePort/${port['nodePort']}`, key);
    }
  }

  isAllocated(pool: string, value: string | number): boolean {
    return this.usedAddresses.has(`${pool}/${value}`);
  }

  release(pool: string, value: string | number): void {
    this.usedAddresses.delete(`${pool}/${value}`);
  }

  private allocate(pool: string, wanted?: string | number): string | number {
    if (wanted !== undefined) {
      this.usedAddresses.set(`${pool}/${wanted}`, '');
      return wanted;
    }
    let made: string | number;
    do made = pool === 'clusterIP' ? addressOf(this.nextAddress++) : this.nextPort++;
    while (this.usedAddresses.has(`${pool}/${made}`));
    this.usedAddresses.set(`${pool}/${made}`, '');
    return made;
  }
}

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
