// SPDX-License-Identifier: Apache-2.0
import { ApiFailure, failures, type FieldError, fieldErrors } from '../api-failure.js';
import { parseApplyBody, type ParsedBody, parseJson } from '../decode/body.js';
import { DecodeError } from '../decode/decode.js';
import { pathText } from '../smd/field-set.js';
import { trackApply, trackUpdate, type Writer } from '../smd/field-manager.js';
import { managerText } from '../smd/managers.js';
import { conflictLeft, withLastApplied } from '../smd/last-applied.js';
import { typeProblems } from '../smd/typed.js';
import { ApplyConflict } from '../smd/updater.js';
import { storeKey } from '../store/store.js';
import { equalValues, isObj, listAt, type Obj, objAt, textAt, type Value, withAt } from '../value.js';
import { asBadBody, blankOf, checkKind, objectText, readObject } from './codec.js';
import type { ServerContext } from './context.js';
import { viewer } from './conversion.js';
import { jsonPatch, mergePatch, strategicMergePatch } from './patches.js';
import { type ApiRequest, flagOf, type ResourceTarget } from './request.js';
import type { Resource } from '../resource.js';
import type { ObjectWriter, WriteOptions } from './writer.js';

/** What a write answers with. */
export interface WriteResult {
  readonly status: 200 | 201;
  readonly object: Obj;
  readonly warnings: readonly string[];
}

interface Call {
  readonly resource: Resource;
  readonly target: ResourceTarget;
  readonly request: ApiRequest;
  readonly dryRun: boolean;
  readonly manager: string;
  /** Ignore, Warn or Strict. */
  readonly validation: string;
  readonly warnings: string[];
}

const FIELD_VALIDATIONS = ['Ignore', 'Strict', 'Warn'];

/** POST, PUT and PATCH: from the raw body to the stored object. */
export class Mutations {
  readonly #context: ServerContext;
  readonly #writer: ObjectWriter;

  constructor(context: ServerContext, writer: ObjectWriter) {
    this.#context = context;
    this.#writer = writer;
  }

  create(resource: Resource, target: ResourceTarget, request: ApiRequest): WriteResult {
    return withWarnings(this.#call(resource, target, request, 'CreateOptions'), (call) => this.#created(call));
  }

  replace(resource: Resource, target: ResourceTarget, request: ApiRequest): WriteResult {
    return withWarnings(this.#call(resource, target, request, 'UpdateOptions'), (call) => this.#replaced(call));
  }

  patch(resource: Resource, target: ResourceTarget, request: ApiRequest): WriteResult {
    const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim() ?? '';
    const isApply = type === 'application/apply-patch+yaml';
    return withWarnings(this.#call(resource, target, request, 'PatchOptions', isApply), (call) =>
      isApply ? this.#apply(call) : this.#patchedBy(call, type),
    );
  }

  #created(call: Call): WriteResult {
    const { resource, target } = call;
    if (resource.collection === '/endpoints')
      call.warnings.push('v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice');
    const body = this.#parseBody(call);
    checkKind(resource, body.value);
    const read = this.#decode(call, body.value, body.duplicates);
    const placed = this.#inNamespace(resource, target, dedupOwners(withoutSystemFields(read), call.warnings));
    const tracked = trackUpdate(undefined, placed, this.#writerOf(call));
    return {
      status: 201,
      object: this.#writer.create(resource, tracked, writeOptions(call, '')),
      warnings: call.warnings,
    };
  }

  #replaced(call: Call): WriteResult {
    const { resource, target } = call;
    const body = this.#parseBody(call);
    checkKind(resource, body.value);
    const read = this.#inNamespace(
      resource,
      target,
      dedupOwners(this.#decode(call, body.value, body.duplicates), call.warnings),
    );
    checkName(read, target.name);
    const live = this.#liveView(resource, target);
    if (live === undefined) {
      if (!resource.strategy.createOnUpdate || target.subresource !== '')
        throw failures.notFound(resource, target.name);
      const tracked = trackUpdate(undefined, read, this.#writerOf(call));
      return {
        status: 201,
        object: this.#writer.create(resource, tracked, writeOptions(call, '')),
        warnings: call.warnings,
      };
    }
    const uid = textAt(read, 'metadata', 'uid') ?? '';
    const liveUid = textAt(live, 'metadata', 'uid') ?? '';
    if (uid !== '' && uid !== liveUid) {
      const key = `/registry/${resource.plural}/${storeKey(target.namespace, target.name)}`;
      throw failures.conflict(
        resource,
        target.name,
        `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${liveUid}`,
      );
    }
    if ((textAt(read, 'metadata', 'resourceVersion') ?? '') === '' && !resource.strategy.unconditionalUpdate) {
      throw failures.invalid(resource.group, resource.plural, target.name, [
        fieldErrors.invalid('metadata.resourceVersion', 0, 'must be specified for an update'),
      ]);
    }
    return this.#finishUpdate(call, live, trackUpdate(live, read, this.#writerOf(call)));
  }

  #patchedBy(call: Call, type: string): WriteResult {
    const { resource, target } = call;
    const live = this.#liveView(resource, target);
    const kinds = [
      'application/json-patch+json',
      'application/merge-patch+json',
      ...(resource.custom === undefined ? ['application/strategic-merge-patch+json'] : []),
    ];
    if (!kinds.includes(type))
      throw resource.custom === undefined
        ? failures.unsupportedMediaType()
        : failures.unsupportedBody([...kinds, 'application/apply-patch+yaml']);
    if (live === undefined) throw failures.notFound(resource, target.name);
    const { value: patch, duplicates } = this.#parsePatch(call);
    const patched = this.#patched(resource, type, live, patch);
    const next = this.#decodePatched(
      call,
      patched,
      duplicates,
      type === 'application/strategic-merge-patch+json' ? patch : patched,
    );
    checkName(next, target.name);
    return this.#finishUpdate(
      call,
      live,
      trackUpdate(live, this.#inNamespace(resource, target, next), this.#writerOf(call)),
    );
  }

  #patched(resource: Resource, type: string, live: Obj, patch: Value): Value {
    if (type === 'application/json-patch+json') return jsonPatch(live, patch);
    if (!isObj(patch))
      throw failures.badRequest(
        'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}',
      );
    return type === 'application/merge-patch+json'
      ? mergePatch(live, patch)
      : strategicMergePatch(resource.schema, live, patch);
  }

  #apply(call: Call): WriteResult {
    const { resource, target, request } = call;
    const body = parseApplyBody(request.body);
    if (!isObj(body.value)) {
      throw failures.badRequest(
        'error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}',
      );
    }
    const patch = body.value;
    const live = this.#liveView(resource, target);
    if (live === undefined && target.subresource !== '') throw failures.notFound(resource, target.name);
    const { object: merged, changed } = this.#mergeApplied(call, live, patch);
    const [duplicate] = call.validation === 'Ignore' ? [] : body.duplicates();
    if (duplicate !== undefined) {
      const text = `error converting YAML to JSON: yaml: unmarshal errors:\n${body
        .duplicates()
        .map(({ line, key }) => `  line ${line}: key ${JSON.stringify(key)} already set in map`)
        .join('\n')}`;
      if (call.validation === 'Strict') throw failures.badRequest(`error strict decoding YAML: ${text}`);
      call.warnings.push(text);
    }
    if (live !== undefined && !changed) {
      // Nothing but perhaps the ownership is different: no need to read the object into its kind again.
      const object = this.#writer.update(resource, live, merged, writeOptions(call, target.subresource));
      return { status: 200, object, warnings: call.warnings };
    }
    const next = this.#inNamespace(
      resource,
      target,
      dedupOwners(this.#decodeMerged(call, merged, patch), call.warnings),
    );
    checkName(next, target.name);
    if (live !== undefined) return this.#finishUpdate(call, live, next);
    const fresh = withAt(withAt(next, ['metadata', 'resourceVersion'], undefined), ['metadata', 'name'], target.name);
    return {
      status: 201,
      object: this.#writer.create(resource, fresh, writeOptions(call, '')),
      warnings: call.warnings,
    };
  }

  #mergeApplied(call: Call, live: Obj | undefined, patch: Obj): { readonly object: Obj; readonly changed: boolean } {
    const { resource, target, request } = call;
    const [apiVersion, kind] = [textAt(patch, 'apiVersion') ?? '', textAt(patch, 'kind') ?? ''];
    if (apiVersion !== resource.apiVersion || kind !== resource.kind) {
      const groupVersion = apiVersion.includes('/') ? apiVersion : `/${apiVersion}`;
      throw failures.badRequest(`invalid object type: ${groupVersion}, Kind=${kind}`);
    }
    if (objAt(patch, 'metadata')['managedFields'] !== undefined)
      throw failures.badRequest('metadata.managedFields must be nil');
    const problems = typeProblems(resource.schema, patch);
    if (problems.length > 0) {
      const text =
        problems.length === 1
          ? (problems[0] ?? '')
          : ['errors:', ...problems.map((problem) => `  ${problem}`)].join('\n');
      throw failures.internal(`failed to create typed patch object (${objectText(resource, patch)}): ${text}`);
    }
    // The name may be left out of the body; the path says it.
    const named =
      textAt(patch, 'metadata', 'name') === undefined ? withAt(patch, ['metadata', 'name'], target.name) : patch;
    const writer = this.#writerOf(call);
    try {
      return annotated(call, trackApply(live, named, { ...writer, force: flagOf(request.query, 'force') }), named);
    } catch (error) {
      if (!(error instanceof ApplyConflict)) throw error;
      const left =
        call.manager === 'kubectl' && live !== undefined ? conflictLeft(error, live, resource.schema) : error;
      if (left !== undefined) throw conflictOf(left);
      return annotated(call, trackApply(live, named, { ...writer, force: true }), named);
    }
  }

  #decodeMerged(call: Call, merged: Obj, patch: Obj): Obj {
    try {
      return readObject(call.resource, merged, 'kept').object;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      const { resource } = call;
      throw failures.internal(
        `failed to convert new object (${objectText(resource, patch)}) to proper version: unable to convert unstructured object to ${resource.group}/${resource.version}, Kind=${resource.kind}: error decoding from json: ${error.message}`,
      );
    }
  }

  #finishUpdate(call: Call, live: Obj, next: Obj): WriteResult {
    const object = this.#writer.update(call.resource, live, next, writeOptions(call, call.target.subresource));
    return { status: 200, object, warnings: call.warnings };
  }

  /** The live object in the version of the request. */
  #liveView(resource: Resource, target: ResourceTarget): Obj | undefined {
    const live = this.#context.live(resource, storeKey(target.namespace, target.name));
    return live === undefined ? undefined : viewer(resource)(live);
  }

  #call(resource: Resource, target: ResourceTarget, request: ApiRequest, optionsKind: string, isApply = false): Call {
    const { query } = request;
    const errors: FieldError[] = [];
    const dryRuns = query.getAll('dryRun').filter((value) => value !== '');
    if (dryRuns.some((value) => value !== 'All')) errors.push(fieldErrors.unsupported('dryRun', dryRuns, ['All']));
    const manager = query.get('fieldManager') ?? '';
    const validation = query.get('fieldValidation') ?? '';
    if (validation !== '' && !FIELD_VALIDATIONS.includes(validation))
      errors.push(fieldErrors.unsupported('fieldValidation', validation, ['', ...FIELD_VALIDATIONS]));
    if (isApply && manager === '') errors.push(fieldErrors.required('fieldManager', 'is required for apply patch'));
    if (!isApply && optionsKind === 'PatchOptions' && query.get('force') !== null)
      errors.push(fieldErrors.forbidden('force', 'may not be specified for non-apply patch'));
    if (manager.length > 128) errors.push(fieldErrors.tooLong('fieldManager', 128));
    if (errors.length > 0) throw failures.invalid('meta.k8s.io', optionsKind, '', errors);
    const agent = (request.headers['user-agent'] ?? 'unknown').split('/')[0] ?? 'unknown';
    return {
      resource,
      target,
      request,
      dryRun: dryRuns.length > 0,
      manager: manager === '' ? agent : manager,
      validation: validation === '' ? 'Warn' : validation,
      warnings: [],
    };
  }

  #writerOf(call: Call): Writer {
    const { resource, target } = call;
    const isStatus = target.subresource === 'status';
    const hidden = isStatus ? resource.strategy.hiddenFromStatus : resource.strategy.hiddenFromMain;
    return {
      types: {
        schemaOf: (apiVersion) => this.#context.registry.schemaIn(resource, apiVersion),
        ...(hidden === undefined ? {} : { hidden }),
      },
      apiVersion: resource.apiVersion,
      manager: call.manager,
      subresource: target.subresource,
      now: this.#context.now(),
      blank: blankOf(resource),
    };
  }

  #parseBody(call: Call): { readonly value: Obj; readonly duplicates: readonly string[] } {
    const { request, resource } = call;
    const contentType = request.headers['content-type'] ?? 'application/json';
    if (contentType.includes('yaml')) {
      const parsed = parseApplyBody(request.body);
      return asBody(
        parsed.value,
        parsed.duplicates().map(({ key }) => key),
        resource,
        request.body,
      );
    }
    if (!contentType.includes('json') && contentType !== '*/*') throw failures.unsupportedBody();
    let parsed: ParsedBody;
    try {
      parsed = parseJson(request.body, call.validation !== 'Ignore');
    } catch (error) {
      throw unreadable(resource, request.body, error);
    }
    return asBody(parsed.value, parsed.duplicates, resource, request.body);
  }

  #parsePatch(call: Call): ParsedBody {
    try {
      return parseJson(call.request.body, call.validation !== 'Ignore');
    } catch (error) {
      throw failures.badRequest(`error decoding patch: ${error instanceof Error ? error.message : 'cannot parse'}`);
    }
  }

  #decode(call: Call, value: Obj, duplicates: readonly string[]): Obj {
    const { resource } = call;
    try {
      const { object, unknown } = readObject(resource, value);
      const problems = strictProblems(unknown, duplicates);
      if (problems.length > 0 && call.validation === 'Strict') {
        throw failures.badRequest(
          `${resource.kind} in version ${JSON.stringify(resource.version)} cannot be handled as a ${resource.kind}: strict decoding error: ${problems.join(', ')}`,
        );
      }
      if (call.validation === 'Warn') call.warnings.push(...problems);
      return object;
    } catch (error) {
      return asBadBody(resource, error);
    }
  }

  #decodePatched(call: Call, value: Value, duplicates: readonly string[], shown: Value): Obj {
    const { resource } = call;
    const problem = (message: string): Error =>
      failures.invalid('', '', '', [fieldErrors.invalid('patch', JSON.stringify(shown), message)]);
    try {
      const { object, unknown } = readObject(resource, value);
      const problems = strictProblems(unknown, duplicates);
      if (problems.length > 0 && call.validation === 'Strict')
        throw problem(`strict decoding error: ${problems.join(', ')}`);
      if (call.validation === 'Warn') call.warnings.push(...problems);
      return object;
    } catch (error) {
      if (error instanceof DecodeError) throw problem(error.message);
      throw error;
    }
  }

  #inNamespace(resource: Resource, target: ResourceTarget, object: Obj): Obj {
    if (!resource.namespaced)
      return textAt(object, 'metadata', 'namespace') === undefined
        ? object
        : withAt(object, ['metadata', 'namespace'], undefined);
    const given = textAt(object, 'metadata', 'namespace') ?? '';
    if (given !== '' && given !== target.namespace)
      throw failures.badRequest(
        'the namespace of the provided object does not match the namespace sent on the request',
      );
    return given === target.namespace ? object : withAt(object, ['metadata', 'namespace'], target.namespace);
  }
}

function writeOptions(call: Call, subresource: string): WriteOptions {
  return { dryRun: call.dryRun, subresource, bodyBytes: call.request.body.length };
}

/** A refusal carries the warnings that came before it. */
function withWarnings(call: Call, write: (call: Call) => WriteResult): WriteResult {
  try {
    return write(call);
  } catch (error) {
    if (error instanceof ApiFailure) error.warnings = call.warnings;
    throw error;
  }
}

function strictProblems(unknown: readonly string[], duplicates: readonly string[]): string[] {
  return [
    ...unknown.map((path) => `unknown field ${JSON.stringify(path)}`),
    ...duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`),
  ];
}

function asBody(
  value: Value,
  duplicates: readonly string[],
  resource: Resource,
  text: string,
): { readonly value: Obj; readonly duplicates: readonly string[] } {
  if (!isObj(value))
    throw unreadable(
      resource,
      text,
      new Error(
        'json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }',
      ),
    );
  return { value, duplicates };
}

function unreadable(resource: Resource, text: string, error: unknown): Error {
  const shown = text === '' ? '<empty>' : Buffer.from(text.slice(0, 64)).toString('hex');
  const why = text === '' ? 'unexpected end of JSON input' : error instanceof Error ? error.message : 'cannot parse';
  return failures.badRequest(
    `the object provided is unrecognized (must be of type ${resource.kind}): couldn't get version/kind; json parse error: ${why} (${shown})`,
  );
}

function checkName(object: Obj, name: string): void {
  const given = textAt(object, 'metadata', 'name') ?? '';
  if (given !== name)
    throw failures.badRequest(
      given === ''
        ? 'name must be provided'
        : `the name of the object (${given}) does not match the name on the URL (${name})`,
    );
}

/** What only the server may say of a new object. */
function withoutSystemFields(object: Obj): Obj {
  const {
    deletionTimestamp: _,
    deletionGracePeriodSeconds: __,
    selfLink: ___,
    uid: ____,
    creationTimestamp: _____,
    ...metadata
  } = objAt(object, 'metadata');
  return { ...object, metadata };
}

/** Owner references that are given twice count once, with a warning. */
function dedupOwners(object: Obj, warnings: string[]): Obj {
  const owners = listAt(object, 'metadata', 'ownerReferences');
  const isFirst = (owner: Value, index: number): boolean =>
    owners.findIndex((other) => equalValues(other, owner)) === index;
  const unique = owners.filter(isFirst);
  if (unique.length === owners.length) return object;
  const duplicates = owners.filter((owner, index) => !isFirst(owner, index)).map((owner) => textAt(owner, 'uid') ?? '');
  warnings.push(
    `.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${duplicates.join(', ')}`,
  );
  return withAt(object, ['metadata', 'ownerReferences'], unique);
}

/** kubectl's own annotation follows what kubectl applies. */
function annotated(
  call: Call,
  result: { readonly object: Obj; readonly changed: boolean },
  applied: Obj,
): { readonly object: Obj; readonly changed: boolean } {
  if (call.manager !== 'kubectl') return result;
  const object = withLastApplied(result.object, applied);
  return object === result.object ? result : { object, changed: true };
}

function conflictOf(error: ApplyConflict): Error {
  const named = error.conflicts.map(({ manager, path }) => ({ text: managerText(manager), field: pathText(path) }));
  const causes = named.map(({ text, field }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${text}`,
    field,
  }));
  const [only] = named;
  if (named.length === 1 && only !== undefined)
    return failures.applyConflict(`Apply failed with 1 conflict: conflict with ${only.text}: ${only.field}`, causes);
  const byManager = new Map<string, string[]>();
  for (const { text, field } of named) byManager.set(text, [...(byManager.get(text) ?? []), field]);
  const lines = [...byManager]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([text, fields]) => [`conflicts with ${text}:`, ...fields.map((field) => `- ${field}`)]);
  return failures.applyConflict(`Apply failed with ${named.length} conflicts: ${lines.join('\n')}`, causes);
}
