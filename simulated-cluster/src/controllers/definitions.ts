// SPDX-License-Identifier: Apache-2.0
import { apiVersionOf, type Resource, type Subresource } from '../resource.js';
import type { ApiServer } from '../api-server.js';
import { CRD_FINALIZER } from '../rest/deletions.js';
import { trackUpdate } from '../smd/field-manager.js';
import { fieldSet, strategy } from '../strategy.js';
import { openApiOf, schemaOfCustom, servedVersions } from '../schema/crd-schema.js';
import type { Change } from '../store/store.js';
import { equalValues, isObj, listAt, type Obj, objAt, textAt, textsAt, withAt } from '../value.js';
import type { Scheduler } from './scheduler.js';

const COLLECTION = 'apiextensions.k8s.io/customresourcedefinitions';
const VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];

/** The part of the API server that serves CRDs: names, the Established condition, discovery, clean-up of instances. */
export class Definitions {
  readonly #server: ApiServer;
  readonly #scheduler: Scheduler;
  readonly #establishDelayMs: number;

  constructor(server: ApiServer, scheduler: Scheduler, establishDelayMs: number) {
    this.#server = server;
    this.#scheduler = scheduler;
    this.#establishDelayMs = establishDelayMs;

    server.context.store.subscribe(COLLECTION, (change) => this.#changed(change));
  }

  /** Serves what the store holds; after a restore. */
  reload(): void {
    const { store } = this.#server.context;
    for (const key of store.keys(COLLECTION)) {
      const definition = store.get(COLLECTION, key);
      if (definition === undefined) continue;
      if (isEstablished(definition)) this.#serve(definition);
      else this.#scheduler.after(this.#establishDelayMs, `crd/${key}`, () => this.#reconcile(key));
    }
  }

  #changed(change: Change): void {
    if (change.type === 'DELETED') {
      this.#unserve(change.object);
      return;
    }
    if (isEstablished(change.object)) this.#serve(change.object);
    this.#scheduler.after(this.#establishDelayMs, `crd/${change.key}`, () => this.#reconcile(change.key));
  }

  #reconcile(key: string): void {
    const { store } = this.#server.context;
    const definition = store.get(COLLECTION, key);
    if (definition === undefined) return;
    if (textAt(definition, 'metadata', 'deletionTimestamp') !== undefined) {
      this.#finalize(key, definition);
      return;
    }
    const next = this.#withStatus(definition);
    if (!equalValues(next, definition)) this.#save(definition, next);
  }

  #save(live: Obj, next: Obj): void {
    const { context, writer } = this.#server;
    const resource = context.registry.find('apiextensions.k8s.io', 'v1', 'customresourcedefinitions');
    if (resource === undefined) return;
    const tracked = trackUpdate(live, next, {
      types: {
        schemaOf: (apiVersion) => context.registry.schemaIn(resource, apiVersion),
        hidden: resource.strategy.hiddenFromStatus,
      },
      apiVersion: resource.apiVersion,
      manager: 'kube-apiserver',
      subresource: 'status',
      now: context.now(),
      blank: {},
    });
    writer.update(resource, live, tracked, { dryRun: false, subresource: 'status', internal: true });
  }

  #withStatus(definition: Obj): Obj {
    const names = objAt(definition, 'spec', 'names');
    const conflict = this.#nameConflict(definition);
    const accepted = conflict === undefined ? names : objAt(definition, 'status', 'acceptedNames');
    const now = this.#server.context.now();
    const before = listAt(definition, 'status', 'conditions');
    const condition = (type: string, status: string, reason: string, message: string): Obj => {
      const known = before.find((entry) => textAt(entry, 'type') === type);
      if (isObj(known) && known['status'] === status && known['reason'] === reason) return known;
      return { type, status, lastTransitionTime: now, reason, message };
    };
    const wasEstablished = before.some(
      (entry) => textAt(entry, 'type') === 'Established' && textAt(entry, 'status') === 'True',
    );
    const conditions =
      conflict === undefined
        ? [
            condition('NamesAccepted', 'True', 'NoConflicts', 'no conflicts found'),
            condition('Established', 'True', 'InitialNamesAccepted', 'the initial names have been accepted'),
          ]
        : [
            condition('NamesAccepted', 'False', conflict.reason, conflict.message),
            wasEstablished
              ? condition('Established', 'True', 'InitialNamesAccepted', 'the initial names have been accepted')
              : condition('Established', 'False', 'NotAccepted', 'not all names are accepted'),
          ];
    return { ...definition, status: { ...objAt(definition, 'status'), conditions, acceptedNames: accepted } };
  }

  #nameConflict(definition: Obj): { readonly reason: string; readonly message: string } | undefined {
    const { registry, store } = this.#server.context;
    const [group, plural, kind] = [
      textAt(definition, 'spec', 'group') ?? '',
      textAt(definition, 'spec', 'names', 'plural') ?? '',
      textAt(definition, 'spec', 'names', 'kind') ?? '',
    ];
    const taken = store.keys(COLLECTION).some((key) => {
      const other = store.get(COLLECTION, key);
      return (
        other !== undefined &&
        textAt(other, 'metadata', 'uid') !== textAt(definition, 'metadata', 'uid') &&
        textAt(other, 'spec', 'group') === group &&
        isEstablished(other) &&
        textAt(other, 'status', 'acceptedNames', 'kind') === kind
      );
    });
    const builtin =
      registry.group(group)?.builtin === true &&
      registry
        .resources(group, registry.group(group)?.versions[0] ?? '')
        .some((resource) => resource.custom === undefined && (resource.plural === plural || resource.kind === kind));
    return taken || builtin
      ? { reason: 'KindConflict', message: `${JSON.stringify(kind)} is already in use` }
      : undefined;
  }

  #serve(definition: Obj): void {
    const group = textAt(definition, 'spec', 'group') ?? '';
    const plural = textAt(definition, 'spec', 'names', 'plural') ?? '';
    const resources = servedVersions(definition).map((version) => resourceOf(definition, version));
    this.#server.context.registry.setCustom(group, plural, resources);
  }

  #unserve(definition: Obj): void {
    const { registry, store } = this.#server.context;
    const [group, plural] = [
      textAt(definition, 'spec', 'group') ?? '',
      textAt(definition, 'spec', 'names', 'plural') ?? '',
    ];
    for (const key of store.keys(`${group}/${plural}`)) store.remove(`${group}/${plural}`, key);
    registry.setCustom(group, plural, []);
    this.#server.watches.endCollection(`${group}/${plural}`);
  }

  /** Deletes the instances, and once they are gone (their finalizers may hold them) the definition's own finalizer. */
  #finalize(key: string, definition: Obj): void {
    const { store, registry } = this.#server.context;
    const finalizers = textsAt(definition, 'metadata', 'finalizers');
    if (!finalizers.includes(CRD_FINALIZER)) return;
    const [group, plural] = [
      textAt(definition, 'spec', 'group') ?? '',
      textAt(definition, 'spec', 'names', 'plural') ?? '',
    ];
    const collection = `${group}/${plural}`;
    const [version] = registry.group(group)?.versions ?? [];
    const resource = version === undefined ? undefined : registry.find(group, version, plural);
    for (const instance of [...store.keys(collection)]) {
      const object = store.get(collection, instance);
      if (object === undefined) continue;
      if (resource === undefined) store.remove(collection, instance);
      else if (textAt(object, 'metadata', 'deletionTimestamp') === undefined)
        this.#server.deletions.remove(resource, object, { dryRun: false, propagation: undefined, internal: true });
    }
    if (store.count(collection) > 0) {
      this.#scheduler.after(100, `crd/${key}`, () => this.#reconcile(key));
      return;
    }
    const rest = finalizers.filter((finalizer) => finalizer !== CRD_FINALIZER);
    const next = withAt(definition, ['metadata', 'finalizers'], rest.length === 0 ? undefined : rest);
    if (rest.length === 0) store.remove(COLLECTION, key, next);
    else store.put(COLLECTION, key, next);
  }
}

function isEstablished(definition: Obj): boolean {
  return listAt(definition, 'status', 'conditions').some(
    (entry) => textAt(entry, 'type') === 'Established' && textAt(entry, 'status') === 'True',
  );
}

const WITH_STATUS = strategy({
  nameRule: 'subdomain',
  hasStatus: true,
  generationOf: 'all-but-status',
  unconditionalUpdate: false,
  resetByStatus: [],
});
const WITHOUT_STATUS = strategy({
  nameRule: 'subdomain',
  hasStatus: false,
  generationOf: 'all-but-status',
  unconditionalUpdate: false,
});

function resourceOf(definition: Obj, version: Obj): Resource {
  const spec = objAt(definition, 'spec');
  const names = objAt(spec, 'names');
  const group = textAt(spec, 'group') ?? '';
  const name = textAt(version, 'name') ?? '';
  const kind = textAt(names, 'kind') ?? '';
  const plural = textAt(names, 'plural') ?? '';
  const openApi = openApiOf(version);
  const schema = schemaOfCustom(kind, openApi);
  const subresources = new Map<string, Subresource>();
  const given = objAt(version, 'subresources');
  const hasStatus = isObj(given['status']);
  if (hasStatus)
    subresources.set('status', { name: 'status', group, version: name, kind, verbs: ['get', 'patch', 'update'] });
  if (isObj(given['scale']))
    subresources.set('scale', {
      name: 'scale',
      group: 'autoscaling',
      version: 'v1',
      kind: 'Scale',
      verbs: ['get', 'patch', 'update'],
    });
  const stored = listAt(spec, 'versions').find((entry) => isObj(entry) && entry['storage'] === true);
  // The status endpoint changes nothing but status, so it owns nothing else.
  const hiddenFromStatus = fieldSet(
    ...[...schema.fields.keys()].filter((field) => field !== 'status' && field !== 'metadata'),
  );
  return {
    group,
    version: name,
    apiVersion: apiVersionOf(group, name),
    kind,
    plural,
    singular: textAt(names, 'singular') ?? kind.toLowerCase(),
    namespaced: textAt(spec, 'scope') === 'Namespaced',
    verbs: VERBS,
    shortNames: textsAt(names, 'shortNames'),
    categories: textsAt(names, 'categories'),
    storageVersionHash: undefined,
    subresources,
    schema,
    strategy: hasStatus ? { ...WITH_STATUS, hiddenFromStatus } : WITHOUT_STATUS,
    collection: `${group}/${plural}`,
    storageVersion: apiVersionOf(group, textAt(stored, 'name') ?? name),
    custom: { definition, openApi },
  };
}
