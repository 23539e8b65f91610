// SPDX-License-Identifier: Apache-2.0
import { ApiFailure, failures, type FieldError } from '../api-failure.js';
import { child, type Draft, draftOf } from '../defaults/draft.js';
import { emptyStruct } from '../decode/decode.js';
import { validateCustom, validateCustomStatus } from '../decode/validate-custom.js';
import { storeKey } from '../store/store.js';
import { validateEnums } from '../validation/enums.js';
import { validateMetadata, validateMetadataUpdate } from '../validation/metadata.js';
import { equalValues, isObj, listAt, numberAt, type Obj, objAt, textAt, textsAt, withAt } from '../value.js';
import { type AdmissionRequest, namespaceState, type ServerContext } from './context.js';
import { toStored } from './conversion.js';
import type { Resource } from '../resource.js';

/** How one write is to be done. */
export interface WriteOptions {
  readonly dryRun: boolean;
  /** '' for the object itself. */
  readonly subresource: string;
  /** Size of the request. */
  readonly bodyBytes?: number;
  /** Set by controllers, whose writes no admission hook and no namespace state holds up. */
  readonly internal?: boolean;
}

/** Creates, changes and removes objects by the rules that all kinds share, and by their strategies. */
export class ObjectWriter {
  readonly #context: ServerContext;

  constructor(context: ServerContext) {
    this.#context = context;
  }

  /** Stores a new object (already decoded, defaulted and with its owners recorded) and returns it as stored. */
  create(resource: Resource, object: Obj, options: WriteOptions): Obj {
    const namespace = textAt(object, 'metadata', 'namespace') ?? '';
    const named = withGeneratedName(object);
    const name = textAt(named, 'metadata', 'name') ?? '';
    if (options.internal !== true) {
      this.#checkNamespace(resource, namespace, name);
      this.admit(resource, { operation: 'CREATE', namespace, name, object: named, oldObject: undefined, options });
    }
    const draft = draftOf(named);
    this.#prepareNew(resource, draft, named);
    const errors: FieldError[] = [];
    validateMetadata(draft, resource, errors);
    this.#validate(resource, draft, errors);
    if (errors.length > 0) throw failures.invalid(resource.group, resource.kind, name, errors);
    const key = storeKey(resource.namespaced ? namespace : '', name);
    if (textAt(draft, 'metadata', 'resourceVersion') !== undefined)
      throw failures.internal('resourceVersion should not be set on objects to be created');
    if (this.#context.live(resource, key) !== undefined) throw failures.alreadyExists(resource, name);
    const final = stored(resource, draft);
    checkSize(final, options);
    return options.dryRun ? final : this.#context.store.put(resource.collection, key, toStored(resource, final));
  }

  /** Replaces a live object by its next form; returns the live one itself when nothing changes. */
  update(resource: Resource, live: Obj, next: Obj, options: WriteOptions): Obj {
    const name = textAt(live, 'metadata', 'name') ?? '';
    const namespace = textAt(live, 'metadata', 'namespace') ?? '';
    const wanted = textAt(next, 'metadata', 'resourceVersion') ?? '';
    if (wanted !== '' && wanted !== textAt(live, 'metadata', 'resourceVersion')) {
      throw failures.conflict(
        resource,
        name,
        'the object has been modified; please apply your changes to the latest version and try again',
      );
    }
    if (options.internal !== true)
      this.admit(resource, { operation: 'UPDATE', namespace, name, object: next, oldObject: live, options });
    const draft = draftOf(next);
    this.#carryMetadata(draft, live);
    this.#prepareChange(resource, draft, live, options.subresource);
    const errors: FieldError[] = [];
    for (let round = resource.strategy.repeatsMetadataErrors ? 0 : 1; round < 2; round++)
      validateMetadataUpdate(draft, live, errors);
    if (options.subresource === '') {
      validateMetadata(draft, resource, errors);
      if (!equalValues(withoutMetadata(draft), withoutMetadata(live))) this.#validate(resource, draft, errors);
      resource.strategy.validateUpdate?.(draft, live, errors);
    } else if (options.subresource === 'status' && resource.custom === undefined)
      resource.strategy.validateStatus?.(draft, errors);
    else if (resource.custom !== undefined && options.subresource === 'status')
      validateCustomStatus(resource.custom.openApi, draft, errors);
    if (errors.length > 0) throw failures.invalid(resource.group, resource.kind, name, errors);
    const final = stored(resource, draft);
    const key = storeKey(resource.namespaced ? namespace : '', name);
    if (textAt(live, 'metadata', 'deletionTimestamp') !== undefined && isFinal(resource, final)) {
      if (!options.dryRun) this.#context.store.remove(resource.collection, key, toStored(resource, final));
      return final;
    }
    if (sameButTimes(final, live)) return live;
    checkSize(final, options);
    return options.dryRun ? final : this.#context.store.put(resource.collection, key, toStored(resource, final));
  }

  /** Asks the admission hooks. */
  admit(
    resource: Resource,
    write: Pick<AdmissionRequest, 'operation' | 'namespace' | 'name' | 'object' | 'oldObject'> & {
      readonly options: WriteOptions;
    },
  ): void {
    const { options, ...rest } = write;
    for (const hook of this.#context.admissionHooks) {
      const refusal = hook({
        ...rest,
        group: resource.group,
        version: resource.version,
        resource: resource.plural,
        kind: resource.kind,
        subresource: options.subresource,
        dryRun: options.dryRun,
      });
      if (refusal === undefined) continue;
      if (refusal.policy !== undefined) {
        const text = `ValidatingAdmissionPolicy '${refusal.policy}' with binding '${refusal.policy}' denied request: ${refusal.message}`;
        const { name } = write;
        throw new ApiFailure(
          422,
          'Invalid',
          `${resource.plural}${resource.group === '' ? '' : `.${resource.group}`} ${JSON.stringify(name)} is forbidden: ${text}`,
          {
            name,
            group: resource.group,
            kind: resource.plural,
            causes: [{ message: text }],
          },
        );
      }
      const webhook = refusal.webhook ?? 'simulated.plumbline.dev';
      throw new ApiFailure(
        refusal.code ?? 403,
        refusal.reason ?? 'Forbidden',
        `admission webhook ${JSON.stringify(webhook)} denied the request: ${refusal.message}`,
      );
    }
  }

  #checkNamespace(resource: Resource, namespace: string, name: string): void {
    if (!resource.namespaced) return;
    const state = namespaceState(this.#context.store, namespace);
    if (state === 'missing') throw failures.notFound({ group: '', plural: 'namespaces', kind: 'Namespace' }, namespace);
    if (state === 'terminating') {
      throw failures.forbidden(
        resource,
        name,
        `unable to create new content in namespace ${namespace} because it is being terminated`,
        [
          {
            reason: 'NamespaceTerminating',
            message: `namespace ${namespace} is being terminated`,
            field: 'metadata.namespace',
          },
        ],
      );
    }
  }

  #prepareNew(resource: Resource, draft: Draft, given: Obj): void {
    const { strategy } = resource;
    const metadata = child(draft, 'metadata');
    for (const key of ['deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink']) delete metadata[key];
    metadata['uid'] = this.#context.uid();
    metadata['creationTimestamp'] = this.#context.now();
    if (strategy.generationOf !== undefined) metadata['generation'] = 1;
    if (!resource.namespaced) delete metadata['namespace'];
    if (strategy.hasStatus && !strategy.bringsStatus) this.#resetStatus(resource, draft);
    strategy.prepareCreate?.(draft, this.#context.prepare(), given);
  }

  #resetStatus(resource: Resource, draft: Draft): void {
    const status = resource.schema.fields.get('status');
    if (resource.custom === undefined && status?.flag === 's' && status.schema.is === 'map')
      draft['status'] = draftOf(emptyStruct(status.schema));
    else delete draft['status'];
  }

  #carryMetadata(draft: Draft, live: Obj): void {
    const metadata = child(draft, 'metadata');
    const old = objAt(live, 'metadata');
    for (const key of ['uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds']) {
      const value = old[key];
      if (
        (metadata[key] === undefined || metadata[key] === '') &&
        (typeof value === 'string' || typeof value === 'number')
      )
        metadata[key] = value;
    }
    const generation = old['generation'];
    if (typeof generation === 'number') metadata['generation'] = generation;
    else delete metadata['generation'];
    metadata['resourceVersion'] = textAt(old, 'resourceVersion') ?? '';
  }

  #prepareChange(resource: Resource, draft: Draft, live: Obj, subresource: string): void {
    const { strategy } = resource;
    if (subresource === 'status') {
      keepFrom(draft, live, (key) => key !== 'status' && key !== 'metadata');
      if (resource.custom !== undefined) keepMetadata(draft, live);
      else if (strategy.hiddenFromStatus.has(['f:metadata', 'f:labels']))
        keepMember(child(draft, 'metadata'), objAt(live, 'metadata'), 'labels');
      strategy.prepareStatus?.(draft, live);
      return;
    }
    if (subresource !== '') return;
    if (strategy.hasStatus) keepFrom(draft, live, (key) => key === 'status');
    strategy.prepareUpdate?.(draft, live, this.#context.prepare());
    if (strategy.generationOf === undefined) return;
    const fields =
      strategy.generationOf === 'all-but-status'
        ? Object.keys({ ...draft, ...live }).filter(
            (key) => !['metadata', 'status', 'kind', 'apiVersion'].includes(key),
          )
        : strategy.generationOf;
    // A write that stores another version of the same object changes nothing of it.
    const annotated =
      strategy.generationOfAnnotations &&
      !equalValues(objAt(draft, 'metadata')['annotations'], objAt(live, 'metadata')['annotations']);
    if (annotated || fields.some((field) => !equalValues(draft[field], live[field])))
      child(draft, 'metadata')['generation'] = (numberAt(live, 'metadata', 'generation') ?? 0) + 1;
  }

  #validate(resource: Resource, object: Obj, errors: FieldError[]): void {
    if (resource.custom !== undefined) validateCustom(resource.custom.openApi, object, errors);
    else validateEnums(resource.schema, object, errors);
    resource.strategy.validate?.(object, errors);
  }
}

/** etcd takes no more in one write. Measured only when the request says that it may matter. */
function checkSize(object: Obj, options: WriteOptions): void {
  if ((options.bodyBytes ?? 0) < 512 * 1024) return;
  if (JSON.stringify(object).length > 1.5 * 1024 * 1024) throw failures.internal('etcdserver: request is too large');
}

/** Whether an object on its way out has nothing left that holds it. */
export function isFinal(resource: Resource, object: Obj): boolean {
  if (textsAt(object, 'metadata', 'finalizers').length > 0) return false;
  if (resource.collection === '/namespaces') return textsAt(object, 'spec', 'finalizers').length === 0;
  return (numberAt(object, 'metadata', 'deletionGracePeriodSeconds') ?? 0) === 0;
}

function withoutMetadata(object: Obj): Obj {
  const { metadata: _, ...rest } = object;
  return rest;
}

function stored(resource: Resource, draft: Obj): Obj {
  const { kind: _, apiVersion: __, metadata, ...rest } = draft;
  return { kind: resource.kind, apiVersion: resource.apiVersion, metadata, ...rest };
}

function keepFrom(draft: Draft, live: Obj, which: (key: string) => boolean): void {
  for (const key of new Set([...Object.keys(draft), ...Object.keys(live)]))
    if (which(key)) keepMember(draft, live, key);
}

function keepMember(draft: Draft, live: Obj, key: string): void {
  const value = live[key];
  if (value === undefined) delete draft[key];
  else draft[key] = draftOf({ value })['value'];
}

function keepMetadata(draft: Draft, live: Obj): void {
  const managedFields = child(draft, 'metadata')['managedFields'];
  keepMember(draft, live, 'metadata');
  if (managedFields === undefined) delete child(draft, 'metadata')['managedFields'];
  else child(draft, 'metadata')['managedFields'] = managedFields;
}

const SUFFIX_LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

function withGeneratedName(object: Obj): Obj {
  const metadata = objAt(object, 'metadata');
  const base = textAt(metadata, 'generateName') ?? '';
  if (base === '' || (textAt(metadata, 'name') ?? '') !== '') return object;
  let suffix = '';
  for (let index = 0; index < 5; index++)
    suffix += SUFFIX_LETTERS[Math.floor(Math.random() * SUFFIX_LETTERS.length)] ?? 'b';
  return withAt(object, ['metadata', 'name'], `${base.slice(0, 58)}${suffix}`);
}

/** Equal but for the times in `managedFields`: such a write is none. */
function sameButTimes(next: Obj, live: Obj): boolean {
  if (
    !equalValues(
      withAt(next, ['metadata', 'managedFields'], undefined),
      withAt(live, ['metadata', 'managedFields'], undefined),
    )
  )
    return false;
  const [a, b] = [listAt(next, 'metadata', 'managedFields'), listAt(live, 'metadata', 'managedFields')];
  const timeless = (entry: unknown): string =>
    JSON.stringify(entry, (key, value: unknown) => (key === 'time' ? undefined : value));
  if (a.length !== b.length) return false;
  const left = a.map(timeless).sort();
  const right = b.map(timeless).sort();
  return left.every((entry, index) => entry === right[index]) && a.every(isObj);
}
