// SPDX-License-Identifier: Apache-2.0
import { ApiFailure, failures, type FieldError, fieldErrors } from '../api-failure.js';
import { itemJsonOf, jsonOf } from '../store/json-cache.js';
import { storeKey } from '../store/store.js';
import type { Obj } from '../value.js';
import type { ServerContext } from './context.js';
import type { ApiRequest, ResourceTarget } from './request.js';
import type { Resource } from '../resource.js';
import { pinnedName, selectorOf } from './selectors.js';

interface Page {
  readonly revision: number;
  /** Key of the last object of the page before. */
  readonly after: string;
}

const TOO_OLD_CONTINUE =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';

/** Lists as the API server writes them: sorted by key, in consistent pages. Returns the JSON text. */
export function listJson(
  context: ServerContext,
  resource: Resource,
  target: ResourceTarget,
  request: ApiRequest,
  view: (object: Obj) => Obj,
): string {
  const { query } = request;
  const limit = limitOf(query);
  const page = pageOf(context, query);
  const objects = context.store.at(resource.collection, page.revision);
  if (objects === undefined) {
    if (page.after === '') throw failures.expired(`The resourceVersion for the provided list is too old.`);
    throw new ExpiredContinue(tokenOf({ revision: -1, after: page.after }));
  }
  const selector = selectorOf(resource, query);
  const keys = keysOf(context, resource, target, { objects, query, page });
  const item = resource.custom === undefined ? itemJsonOf : jsonOf;
  const items: string[] = [];
  let last = '';
  let remaining = 0;
  for (const key of keys) {
    const object = objects.get(key);
    if (object === undefined || (page.after !== '' && key <= page.after)) continue;
    if (limit > 0 && items.length >= limit) {
      remaining++;
      continue;
    }
    const seen = view(object);
    if (selector !== undefined && !selector(seen)) continue;
    items.push(item(seen));
    last = key;
  }
  const metadata: Record<string, string | number> = { resourceVersion: String(page.revision) };
  if (resource.custom !== undefined) metadata['continue'] = '';
  if (remaining > 0) {
    metadata['continue'] = tokenOf({ revision: page.revision, after: last });
    // The server cannot know how many of the rest a selector would take.
    if (selector === undefined) metadata['remainingItemCount'] = remaining;
  }
  const head = `{"kind":${JSON.stringify(`${resource.kind}List`)},"apiVersion":${JSON.stringify(resource.apiVersion)},"metadata":${JSON.stringify(metadata)}`;
  return `${head},"items":[${items.join(',')}]}`;
}

function limitOf(query: URLSearchParams): number {
  const text = query.get('limit') ?? '';
  if (!/^-?\d*$/.test(text))
    throw failures.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

/** 410 with the token to go on inconsistently. */
export class ExpiredContinue extends ApiFailure {
  constructor(readonly token: string) {
    super(410, 'Expired', TOO_OLD_CONTINUE);
  }

  override status(): Obj {
    return { ...super.status(), metadata: { continue: this.token } };
  }
}

function keysOf(
  context: ServerContext,
  resource: Resource,
  target: ResourceTarget,
  at: { readonly objects: ReadonlyMap<string, Obj>; readonly query: URLSearchParams; readonly page: Page },
): readonly string[] {
  const name = pinnedName(at.query);
  if (name !== undefined && (target.namespace !== '' || !resource.namespaced))
    return [storeKey(target.namespace, name)];
  if (at.page.revision >= context.store.revision)
    return context.store.keys(resource.collection, target.namespace === '' ? undefined : target.namespace);
  const prefix = target.namespace === '' ? '' : `${target.namespace}/`;
  return [...at.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
}

function pageOf(context: ServerContext, query: URLSearchParams): Page {
  const token = query.get('continue') ?? '';
  const version = query.get('resourceVersion') ?? '';
  const match = query.get('resourceVersionMatch') ?? '';
  checkMatch(token, version, match);
  const current = context.store.revision;
  if (token !== '') {
    if (version !== '' && version !== '0')
      throw failures.badRequest('specifying resource version is not allowed when using continue');
    const page = readToken(token);
    return { revision: page.revision === -1 ? current : page.revision, after: page.after };
  }
  if (version === '' || version === '0') return { revision: current, after: '' };
  if (!/^\d+$/.test(version))
    throw failures.internal(
      `resourceVersion: Invalid value: ${JSON.stringify(version)}: strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`,
    );
  const wanted = Number(version);
  if (wanted > current) {
    throw new ApiFailure(504, 'Timeout', `Timeout: Too large resource version: ${wanted}, current: ${current}`, {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    });
  }
  const exact = match === 'Exact' || (match === '' && Number(query.get('limit') ?? '0') > 0);
  return { revision: exact ? wanted : current, after: '' };
}

function checkMatch(token: string, version: string, match: string): void {
  if (match === '') return;
  const errors: FieldError[] = [];
  const field = 'resourceVersionMatch';
  if (token !== '') errors.push(fieldErrors.forbidden(field, `${field} is forbidden when continue is provided`));
  if (version === '')
    errors.push(fieldErrors.forbidden(field, `${field} is forbidden unless resourceVersion is provided`));
  if (match === 'Exact' && version === '0')
    errors.push(fieldErrors.forbidden(field, `${field} "Exact" is forbidden for resourceVersion "0"`));
  if (match !== 'Exact' && match !== 'NotOlderThan')
    errors.push(fieldErrors.unsupported(field, match, ['Exact', 'NotOlderThan', '']));
  if (errors.length > 0) throw failures.invalid('meta.k8s.io', 'ListOptions', '', errors);
}

function tokenOf(page: Page): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: page.revision, start: `${page.after}\u0000` })).toString(
    'base64url',
  );
}

function readToken(token: string): Page {
  try {
    const read: { readonly v?: unknown; readonly rv?: unknown; readonly start?: unknown } = JSON.parse(
      Buffer.from(token, 'base64url').toString('utf8'),
    );
    if (typeof read.rv === 'number' && typeof read.start === 'string')
      return { revision: read.rv, after: read.start.replace(/\u0000$/, '') };
  } catch {
    // Falls through to the one message that there is for a token that nobody gave out.
  }
  throw failures.badRequest('invalid continue token: continue key is not valid');
}
