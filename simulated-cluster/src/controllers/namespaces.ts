// SPDX-License-Identifier: Apache-2.0
import type { ApiServer } from '../api-server.js';
import { storeKey } from '../store/store.js';
import { equalValues, listAt, type Obj, textAt, textsAt, withAt } from '../value.js';
import { withCondition } from './conditions.js';
import type { Scheduler } from './scheduler.js';

const COLLECTION = '/namespaces';

interface Remains {
  readonly resources: ReadonlyMap<string, number>;
  readonly finalizers: ReadonlyMap<string, number>;
}

/** Gives new namespaces what every namespace has, and empties and finalises those that are deleted. */
export class Namespaces {
  readonly #server: ApiServer;
  readonly #scheduler: Scheduler;
  readonly #delayMs: number;

  constructor(server: ApiServer, scheduler: Scheduler, delayMs: number) {
    this.#server = server;
    this.#scheduler = scheduler;
    this.#delayMs = delayMs;

    server.context.store.subscribe(COLLECTION, (change) => {
      if (change.type !== 'DELETED') this.#look(change.key, change.object);
    });
    for (const key of server.context.store.keys(COLLECTION)) this.#furnish(key);
  }

  resync(): void {
    const { store } = this.#server.context;
    for (const key of store.keys(COLLECTION)) {
      const namespace = store.get(COLLECTION, key);
      if (namespace !== undefined) this.#look(key, namespace);
    }
  }

  #look(key: string, namespace: Obj): void {
    if (textAt(namespace, 'metadata', 'deletionTimestamp') === undefined)
      this.#scheduler.after(1, `furnish|${key}`, () => this.#furnish(key));
    else this.#scheduler.after(this.#delayMs, `namespace|${key}`, () => this.#finalize(key));
  }

  #furnish(name: string): void {
    const { context } = this.#server;
    const namespace = context.store.get(COLLECTION, name);
    if (namespace === undefined || textAt(namespace, 'metadata', 'deletionTimestamp') !== undefined) return;
    this.#ensure('/serviceaccounts', name, { kind: 'ServiceAccount', apiVersion: 'v1', metadata: { name: 'default' } });
    this.#ensure('/configmaps', name, {
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: {
        name: 'kube-root-ca.crt',
        annotations: {
          'kubernetes.io/description':
            'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.',
        },
      },
      data: { 'ca.crt': 'simulated' },
    });
  }

  #ensure(collection: string, namespace: string, object: Obj): void {
    const { context } = this.#server;
    const key = storeKey(namespace, textAt(object, 'metadata', 'name') ?? '');
    if (context.store.get(collection, key) !== undefined) return;
    const { kind, apiVersion, metadata, ...rest } = object;
    context.store.put(collection, key, {
      kind,
      apiVersion,
      metadata: {
        ...(typeof metadata === 'object' ? metadata : {}),
        namespace,
        uid: context.uid(),
        creationTimestamp: context.now(),
      },
      ...rest,
    });
  }

  #finalize(name: string): void {
    const { context, writer } = this.#server;
    const namespace = context.store.get(COLLECTION, name);
    if (namespace === undefined || textAt(namespace, 'metadata', 'deletionTimestamp') === undefined) return;
    const resource = context.registry.find('', 'v1', 'namespaces');
    if (resource === undefined) return;
    const remains = this.#empty(name);
    if (remains.resources.size > 0) {
      const next = withAt(namespace, ['status', 'conditions'], this.#conditions(namespace, remains));
      if (!equalValues(next, namespace))
        writer.update(resource, namespace, next, { dryRun: false, subresource: 'status', internal: true });
      this.#scheduler.after(Math.max(this.#delayMs, 50), `namespace|${name}`, () => this.#finalize(name));
      return;
    }
    const finalizers = textsAt(namespace, 'spec', 'finalizers').filter((finalizer) => finalizer !== 'kubernetes');
    if (finalizers.length === textsAt(namespace, 'spec', 'finalizers').length) return;
    writer.update(resource, namespace, withAt(namespace, ['spec'], finalizers.length === 0 ? {} : { finalizers }), {
      dryRun: false,
      subresource: 'finalize',
      internal: true,
    });
  }

  /** Deletes what is in the namespace; reports what its finalizers keep. */
  #empty(name: string): Remains {
    const { context, deletions } = this.#server;
    const resources = new Map<string, number>();
    const finalizers = new Map<string, number>();
    for (const resource of context.registry.stored()) {
      if (!resource.namespaced) continue;
      for (const key of [...context.store.keys(resource.collection, name)]) {
        const object = context.store.get(resource.collection, key);
        if (object === undefined) continue;
        const left = deletions.remove(resource, object, { dryRun: false, propagation: 'Background', internal: true });
        if (left === undefined) continue;
        const title = resource.group === '' ? `${resource.plural}.` : `${resource.plural}.${resource.group}`;
        resources.set(title, (resources.get(title) ?? 0) + 1);
        for (const finalizer of textsAt(left, 'metadata', 'finalizers'))
          finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
      }
    }
    return { resources, finalizers };
  }

  #conditions(namespace: Obj, remains: Remains): Obj['conditions'] {
    const now = this.#server.context.now();
    let conditions = listAt(namespace, 'status', 'conditions');
    const set = (type: string, problem: string | undefined, reasons: readonly [string, string], fine: string): void => {
      const bad = problem !== undefined;
      conditions = withCondition(
        conditions,
        { type, status: bad ? 'True' : 'False', reason: bad ? reasons[0] : reasons[1], message: problem ?? fine },
        now,
      );
    };
    const list = (entries: ReadonlyMap<string, number>, word: string): string =>
      [...entries]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([entry, count]) => `${entry} ${word} ${count} resource instances`)
        .join(', ');
    set(
      'NamespaceDeletionDiscoveryFailure',
      undefined,
      ['DiscoveryFailed', 'ResourcesDiscovered'],
      'All resources successfully discovered',
    );
    set(
      'NamespaceDeletionGroupVersionParsingFailure',
      undefined,
      ['GroupVersionParsingFailed', 'ParsedGroupVersions'],
      'All legacy kube types successfully parsed',
    );
    set(
      'NamespaceDeletionContentFailure',
      undefined,
      ['ContentDeletionFailed', 'ContentDeleted'],
      'All content successfully deleted, may be waiting on finalization',
    );
    set(
      'NamespaceContentRemaining',
      `Some resources are remaining: ${list(remains.resources, 'has')}`,
      ['SomeResourcesRemain', 'ContentRemoved'],
      'All content successfully removed',
    );
    set(
      'NamespaceFinalizersRemaining',
      remains.finalizers.size === 0
        ? undefined
        : `Some content in the namespace has finalizers remaining: ${list(remains.finalizers, 'in')}`,
      ['SomeFinalizersRemain', 'ContentHasNoFinalizers'],
      'All content-preserving finalizers finished',
    );
    return conditions;
  }
}
