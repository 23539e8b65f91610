// SPDX-License-Identifier: Apache-2.0
import type { ApiServer } from '../api-server.js';
import type { Resource } from '../resource.js';
import { trackUpdate } from '../smd/field-manager.js';
import type { Change } from '../store/store.js';
import { equalValues, type Obj, objAt, textAt } from '../value.js';
import { GarbageCollector } from './garbage.js';
import { Namespaces } from './namespaces.js';
import type { Scheduler } from './scheduler.js';
import { STATUS_RULES, type StatusRule } from './status-rules.js';

/** Timing and mood of the simulated controllers. */
export interface StatusSimulation {
  /** From a change of a workload to its readiness; 50 ms by default. */
  readonly readyDelayMs?: number;
  /**
   * From a change of a workload until its controller has seen it (`observedGeneration`); a tenth of `readyDelayMs` by
   * default.
   */
  readonly observeDelayMs?: number;
  /** From the deletion of a namespace, an owner or a running pod to the clean-up; 20 ms by default. */
  readonly cleanUpDelayMs?: number;
  /**
   * Makes workloads fail by what they are (an image, an annotation); asked each time a workload is about to become
   * ready.
   */
  readonly failWhen?: (workload: Obj) => WorkloadFailure | undefined;
}

/** How a workload fails, in the words of its condition. */
export interface WorkloadFailure {
  /** For a Deployment `ProgressDeadlineExceeded` unless said otherwise, for a Job `BackoffLimitExceeded`. */
  readonly reason?: string;
  readonly message: string;
}

/** Names a workload to fail. */
export interface WorkloadName {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** The controllers of a cluster, as far as a deploying client notices them: statuses, namespaces, owners. */
export class Controllers {
  readonly #server: ApiServer;
  readonly #scheduler: Scheduler;
  readonly #simulation: StatusSimulation;

  readonly #failures = new Map<string, WorkloadFailure>();
  readonly #namespaces: Namespaces;
  readonly #garbage: GarbageCollector;
  readonly #readyDelayMs: number;
  readonly #observeDelayMs: number;

  constructor(server: ApiServer, scheduler: Scheduler, simulation: StatusSimulation) {
    this.#server = server;
    this.#scheduler = scheduler;
    this.#simulation = simulation;

    this.#readyDelayMs = simulation.readyDelayMs ?? 50;
    this.#observeDelayMs = simulation.observeDelayMs ?? Math.floor(this.#readyDelayMs / 10);
    const cleanUpDelayMs = simulation.cleanUpDelayMs ?? 20;
    this.#namespaces = new Namespaces(server, scheduler, cleanUpDelayMs);
    this.#garbage = new GarbageCollector(server, scheduler, cleanUpDelayMs);
    const { store } = server.context;
    for (const [collection, rule] of Object.entries(STATUS_RULES))
      store.subscribe(collection, (change) => this.#changed(change, rule));
  }

  /** Lets a workload fail from now on, or recover. */
  fail(workload: WorkloadName, failure: WorkloadFailure | undefined): void {
    const key = `${workload.kind}/${workload.namespace}/${workload.name}`;
    if (failure === undefined) this.#failures.delete(key);
    else this.#failures.set(key, failure);
    for (const [collection, rule] of Object.entries(STATUS_RULES)) {
      const key2 = `${workload.namespace}/${workload.name}`;
      const object = this.#server.context.store.get(collection, key2);
      if (object !== undefined && textAt(object, 'kind') === workload.kind) this.#schedule(collection, key2, rule);
    }
  }

  /** Looks at everything anew; after a restore. */
  resync(): void {
    const { store } = this.#server.context;
    for (const [collection, rule] of Object.entries(STATUS_RULES))
      for (const key of store.keys(collection)) this.#schedule(collection, key, rule);
    this.#namespaces.resync();
    this.#garbage.resync();
  }

  #changed(change: Change, rule: StatusRule): void {
    if (change.type === 'DELETED') return;
    const { before, object } = change;
    const relevant =
      before === undefined ||
      rule.watches.some((field) => !equalValues(before[field], object[field])) ||
      !equalValues(objAt(before, 'metadata')['generation'], objAt(object, 'metadata')['generation']) ||
      textAt(before, 'metadata', 'deletionTimestamp') !== textAt(object, 'metadata', 'deletionTimestamp');
    if (relevant) this.#schedule(change.collection, change.key, rule);
  }

  #schedule(collection: string, key: string, rule: StatusRule): void {
    const id = `${collection}|${key}`;
    if (rule.observed !== undefined)
      this.#scheduler.after(this.#observeDelayMs, `observe|${id}`, () =>
        this.#write(collection, key, rule, 'observed'),
      );
    // A change while a roll-out is under way starts its waiting time anew.
    this.#scheduler.drop(`ready|${id}`);
    this.#scheduler.after(this.#readyDelayMs, `ready|${id}`, () => this.#write(collection, key, rule, 'settled'));
  }

  #write(collection: string, key: string, rule: StatusRule, phase: 'observed' | 'settled'): void {
    const { context, writer, deletions } = this.#server;
    const live = context.store.get(collection, key);
    if (live === undefined) return;
    const resource = this.#resourceOf(live);
    if (resource === undefined) return;
    if (textAt(live, 'metadata', 'deletionTimestamp') !== undefined) {
      const released = rule.release?.(live);
      if (released === 'delete') context.store.remove(collection, key, live);
      else if (released !== undefined)
        writer.update(resource, live, released, { dryRun: false, subresource: '', internal: true });
      return;
    }
    const failure = this.#failures.get(`${resource.kind}/${key}`) ?? this.#simulation.failWhen?.(live);
    const tools = { now: context.now(), failure, store: context.store };
    const next = phase === 'observed' ? rule.observed?.(live, tools) : rule.settled(live, tools);
    if (next === undefined || equalValues(next, live)) return;
    // What a controller sets outside of the status (the volume of a claim, the node of a pod) goes through the object
    // itself.
    const specChanged = !equalValues(next['spec'], live['spec']);
    const withSpec = specChanged
      ? this.#save(resource, live, { ...next, status: live['status'] }, rule.specThrough ?? '')
      : live;
    const written = this.#save(
      resource,
      withSpec,
      {
        ...next,
        spec: withSpec['spec'],
        metadata: { ...objAt(next, 'metadata'), resourceVersion: objAt(withSpec, 'metadata')['resourceVersion'] },
      },
      'status',
    );
    const ttl = rule.ttlSeconds?.(written);
    if (ttl !== undefined)
      this.#scheduler.after(ttl * 1000, `ttl|${collection}|${key}`, () => {
        const expired = context.store.get(collection, key);
        if (expired !== undefined)
          deletions.remove(resource, expired, { dryRun: false, propagation: 'Background', internal: true });
      });
  }

  #save(resource: Resource, live: Obj, next: Obj, subresource: string): Obj {
    const { context, writer } = this.#server;
    const hidden = subresource === 'status' ? resource.strategy.hiddenFromStatus : resource.strategy.hiddenFromMain;
    const tracked = trackUpdate(live, next, {
      types: {
        schemaOf: (apiVersion) => context.registry.schemaIn(resource, apiVersion),
        ...(hidden === undefined ? {} : { hidden }),
      },
      apiVersion: resource.apiVersion,
      manager: 'kube-controller-manager',
      subresource,
      now: context.now(),
      blank: {},
    });
    return writer.update(resource, live, tracked, { dryRun: false, subresource, internal: true });
  }

  #resourceOf(object: Obj): Resource | undefined {
    return this.#server.context.registry.findKind(textAt(object, 'apiVersion') ?? '', textAt(object, 'kind') ?? '');
  }
}
