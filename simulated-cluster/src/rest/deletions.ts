// SPDX-License-Identifier: Apache-2.0
import { failures, fieldErrors } from '../api-failure.js';
import { storeKey } from '../store/store.js';
import {
  isObj,
  listAt,
  type MutableObj,
  numberAt,
  type Obj,
  objAt,
  textAt,
  textsAt,
  type Value,
  withAt,
} from '../value.js';
import type { ServerContext } from './context.js';
import type { ApiRequest, ResourceTarget } from './request.js';
import type { Resource } from '../resource.js';
import { selectorOf } from './selectors.js';
import { isFinal, type ObjectWriter } from './writer.js';

/** What a delete is asked to do, from the body and the query. */
export interface DeleteOptions {
  readonly dryRun: boolean;
  readonly propagation: 'Orphan' | 'Foreground' | 'Background' | undefined;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly gracePeriodSeconds?: number;
  /** Set by controllers, whose deletes no admission hook holds up. */
  readonly internal?: boolean;
}

/** Deletes of one object and of collections. */
export class Deletions {
  readonly #context: ServerContext;
  readonly #writer: ObjectWriter;

  constructor(context: ServerContext, writer: ObjectWriter) {
    this.#context = context;
    this.#writer = writer;
  }

  /** DELETE of one object: the object while something holds it, else a Status of success. */
  one(
    resource: Resource,
    target: ResourceTarget,
    request: ApiRequest,
  ): { readonly object: Obj; readonly warnings: readonly string[] } {
    const live = this.#context.live(resource, storeKey(target.namespace, target.name));
    const options = deleteOptionsOf(request);
    if (live === undefined) throw failures.notFound(resource, target.name);
    const left = this.remove(resource, live, options);
    const warnings = resource.collection === 'batch/jobs' && options.propagation === undefined ? [JOB_WARNING] : [];
    if (left !== undefined) return { object: left, warnings };
    // Some kinds answer with what they were instead of a Status; a pod, which ends gracefully even when at once, with
    // its marks.
    if (RETURNED.has(resource.collection))
      return { object: resource.collection === '/pods' ? this.#marked(resource, live, options) : live, warnings };
    const object = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: {
        name: target.name,
        ...(resource.group === '' ? {} : { group: resource.group }),
        kind: resource.plural,
        uid: textAt(live, 'metadata', 'uid') ?? '',
      },
    };
    return { object, warnings };
  }

  /** DELETE of a collection: every selected object as a delete of its own. Returns what was selected. */
  collection(resource: Resource, target: ResourceTarget, request: ApiRequest): readonly Obj[] {
    const options = deleteOptionsOf(request);
    const selector = selectorOf(resource, request.query);
    const keys = this.#context.store.keys(resource.collection, target.namespace === '' ? undefined : target.namespace);
    const selected = keys
      .map((key) => this.#context.store.get(resource.collection, key))
      .filter((object): object is Obj => object !== undefined && (selector?.(object) ?? true));
    for (const object of selected) this.remove(resource, object, options);
    return selected;
  }

  /** Removes an object or marks it as going; returns it as long as it stays, undefined once it is gone. */
  remove(resource: Resource, live: Obj, options: DeleteOptions): Obj | undefined {
    const name = textAt(live, 'metadata', 'name') ?? '';
    const namespace = textAt(live, 'metadata', 'namespace') ?? '';
    this.#checkPreconditions(resource, live, name, options);
    if (options.internal !== true) {
      this.#writer.admit(resource, {
        operation: 'DELETE',
        namespace,
        name,
        object: undefined,
        oldObject: live,
        options: { dryRun: options.dryRun, subresource: '' },
      });
      this.#checkProtected(resource, name);
    }
    const marked = this.#marked(resource, live, options);
    const key = storeKey(resource.namespaced ? namespace : '', name);
    if (isFinal(resource, marked)) {
      if (!options.dryRun) this.#context.store.remove(resource.collection, key, withoutMarks(live, marked));
      return undefined;
    }
    if (marked === live || options.dryRun) return marked;
    return this.#context.store.put(resource.collection, key, marked);
  }

  #checkPreconditions(resource: Resource, live: Obj, name: string, options: DeleteOptions): void {
    const uid = textAt(live, 'metadata', 'uid') ?? '';
    if (options.uid !== undefined && options.uid !== uid) {
      const why = `the UID in the precondition (${options.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`;
      throw failures.conflict(resource, name, why, resource.kind);
    }
    const version = textAt(live, 'metadata', 'resourceVersion') ?? '';
    if (options.resourceVersion !== undefined && options.resourceVersion !== version) {
      const why = `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the ResourceVersion in record (${version}). The object might have been modified`;
      throw failures.conflict(resource, name, why, resource.kind);
    }
  }

  #checkProtected(resource: Resource, name: string): void {
    if (resource.collection === '/namespaces' && ['default', 'kube-system', 'kube-public'].includes(name)) {
      throw failures.forbidden(resource, name, 'this namespace may not be deleted');
    }
  }

  /**
   * The object with the marks of its deletion: timestamp, grace period and the finalizers of the propagation policy.
   */
  #marked(resource: Resource, live: Obj, options: DeleteOptions): Obj {
    const metadata = objAt(live, 'metadata');
    const isNamespace = resource.collection === '/namespaces';
    const isDefinition = resource.collection === CRD_COLLECTION;
    const finalizers = this.#finalizersOf(resource, live, options);
    const graceSeconds = graceOf(resource, live, options);
    const next: MutableObj = { ...metadata, finalizers };
    if (finalizers.length === 0) delete next['finalizers'];
    const going = textAt(metadata, 'deletionTimestamp') !== undefined;
    if (!going) {
      next['deletionTimestamp'] = secondsLater(this.#context.clock.nowMs(), graceSeconds);
      if (!isNamespace && !isDefinition) next['deletionGracePeriodSeconds'] = graceSeconds;
      if (!isDefinition && typeof metadata['generation'] === 'number') next['generation'] = metadata['generation'] + 1;
    } else if (graceSeconds < (numberAt(metadata, 'deletionGracePeriodSeconds') ?? 0))
      next['deletionGracePeriodSeconds'] = graceSeconds;
    else if (
      finalizers.length === textsAt(metadata, 'finalizers').length &&
      finalizers.every((entry, index) => entry === textsAt(metadata, 'finalizers')[index])
    )
      return live;
    const marked: Obj = { ...live, metadata: next };
    if (isDefinition && !going) {
      const condition: Obj = {
        type: 'Terminating',
        status: 'True',
        lastTransitionTime: this.#context.now(),
        reason: 'InstanceDeletionPending',
        message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
      };
      return withAt(marked, ['status', 'conditions'], [...listAt(live, 'status', 'conditions'), condition]);
    }
    return isNamespace ? withAt(marked, ['status', 'phase'], 'Terminating') : marked;
  }

  #finalizersOf(resource: Resource, live: Obj, options: DeleteOptions): readonly string[] {
    const now = textsAt(live, 'metadata', 'finalizers');
    if (resource.collection === '/namespaces') return now;
    const propagation =
      options.propagation ??
      (now.includes('orphan')
        ? 'Orphan'
        : now.includes('foregroundDeletion')
          ? 'Foreground'
          : defaultPropagation(resource));
    const kept = now.filter((finalizer) => finalizer !== 'orphan' && finalizer !== 'foregroundDeletion');
    const crd = resource.collection === CRD_COLLECTION && !kept.includes(CRD_FINALIZER) ? [CRD_FINALIZER] : [];
    const marks = propagation === 'Orphan' ? ['orphan'] : propagation === 'Foreground' ? ['foregroundDeletion'] : [];
    const unchanged = marks.length > 0 && now.includes(marks[0] ?? '');
    return unchanged ? now : [...kept, ...crd, ...marks];
  }
}

const RETURNED: ReadonlySet<string> = new Set([
  '/persistentvolumes',
  '/persistentvolumeclaims',
  '/pods',
  '/podtemplates',
  '/resourcequotas',
  '/services',
  '/serviceaccounts',
  'storage.k8s.io/csidrivers',
  'storage.k8s.io/csinodes',
  'storage.k8s.io/storageclasses',
  'storage.k8s.io/volumeattachments',
  'storage.k8s.io/volumeattributesclasses',
  'resource.k8s.io/deviceclasses',
  'resource.k8s.io/resourceclaims',
  'resource.k8s.io/resourceclaimtemplates',
  'resource.k8s.io/resourceslices',
]);

const JOB_WARNING =
  'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning';

const CRD_COLLECTION = 'apiextensions.k8s.io/customresourcedefinitions';

/** Holds a CRD until its instances are gone. */
export const CRD_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

function defaultPropagation(resource: Resource): 'Orphan' | undefined {
  return resource.collection === 'batch/jobs' || resource.collection === '/replicationcontrollers'
    ? 'Orphan'
    : undefined;
}

function graceOf(resource: Resource, live: Obj, options: DeleteOptions): number {
  // Only pods end gracefully, and only those that a node runs.
  if (resource.collection !== '/pods' || (textAt(live, 'spec', 'nodeName') ?? '') === '') return 0;
  return options.gracePeriodSeconds ?? numberAt(live, 'spec', 'terminationGracePeriodSeconds') ?? 30;
}

function secondsLater(nowMs: number, seconds: number): string {
  return `${new Date(nowMs + seconds * 1000).toISOString().slice(0, 19)}Z`;
}

/** What a watch sees last of an object that went at once is the object as it was. */
function withoutMarks(live: Obj, marked: Obj): Obj {
  return textAt(live, 'metadata', 'deletionTimestamp') === undefined ? live : marked;
}

const PROPAGATIONS = ['Orphan', 'Foreground', 'Background'] as const;

function deleteOptionsOf(request: ApiRequest): DeleteOptions {
  let body: Value = {};
  if (request.body.trim() !== '') {
    try {
      body = JSON.parse(request.body);
    } catch (error) {
      throw failures.badRequest(error instanceof Error ? error.message : 'cannot parse the delete options');
    }
  }
  const given = isObj(body) ? body : {};
  const [kind, apiVersion] = [textAt(given, 'kind') ?? 'DeleteOptions', textAt(given, 'apiVersion') ?? ''];
  if (kind !== 'DeleteOptions')
    throw failures.badRequest(
      `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/runtime/scheme.go:111"`,
    );
  const fromBody = Object.keys(given).length > 0;
  const { query } = request;
  const propagation = fromBody ? textAt(given, 'propagationPolicy') : (query.get('propagationPolicy') ?? undefined);
  const dryRuns = fromBody ? textsAt(given, 'dryRun') : query.getAll('dryRun').filter((value) => value !== '');
  const errors = [];
  if (propagation !== undefined && !PROPAGATIONS.some((known) => known === propagation)) {
    errors.push({
      field: 'propagationPolicy',
      reason: 'FieldValueNotSupported',
      message: `Unsupported value: ${JSON.stringify(propagation)}: supported values: "Foreground", "Background", "Orphan", "nil"`,
    });
  }
  const orphanDependents = fromBody
    ? given['orphanDependents']
    : query.get('orphanDependents') === null
      ? undefined
      : query.get('orphanDependents') === 'true';
  if (dryRuns.some((value) => value !== 'All')) errors.push(fieldErrors.unsupported('dryRun', dryRuns, ['All']));
  if (propagation !== undefined && typeof orphanDependents === 'boolean')
    errors.push(
      fieldErrors.invalid(
        'propagationPolicy',
        propagation,
        'orphanDependents and deletionPropagation cannot be both set',
      ),
    );
  if (errors.length > 0) throw failures.invalid('meta.k8s.io', 'DeleteOptions', '', errors);
  const known =
    PROPAGATIONS.find((entry) => entry === propagation) ??
    (orphanDependents === true ? 'Orphan' : orphanDependents === false ? 'Background' : undefined);
  const preconditions = objAt(given, 'preconditions');
  const [uid, resourceVersion] = [textAt(preconditions, 'uid'), textAt(preconditions, 'resourceVersion')];
  const grace =
    numberAt(given, 'gracePeriodSeconds') ??
    (query.get('gracePeriodSeconds') === null ? undefined : Number(query.get('gracePeriodSeconds')));
  return {
    dryRun: dryRuns.length > 0,
    propagation: known,
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
  };
}
