// SPDX-License-Identifier: Apache-2.0
import type { KubeRequest } from '@plumbline/kube';

/** A request taken apart as the API server's request info does. */
export interface ApiRequest {
  readonly method: KubeRequest['method'];
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Present for `/api/…` and `/apis/…/…` paths that name a resource. */
  readonly target: ResourceTarget | undefined;
}

/** The resource that a path names. */
export interface ResourceTarget {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  /** '' for cluster scope or all namespaces. */
  readonly namespace: string;
  /** '' for the collection. */
  readonly name: string;
  readonly subresource: string;
}

/** Takes a raw request apart. */
export function parseRequest(request: KubeRequest): ApiRequest {
  const at = request.path.indexOf('?');
  const path = at === -1 ? request.path : request.path.slice(0, at);
  return {
    method: request.method,
    path,
    query: new URLSearchParams(at === -1 ? '' : request.path.slice(at + 1)),
    headers: request.headers ?? {},
    body: request.body ?? '',
    target: targetOf(path),
  };
}

function targetOf(path: string): ResourceTarget | undefined {
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decodePart);
  const [root, ...tail] = parts;
  const group = root === 'api' ? '' : tail.shift();
  const version = tail.shift();
  if ((root !== 'api' && root !== 'apis') || group === undefined || version === undefined || tail.length === 0)
    return undefined;
  const base = { group, version };
  if (tail[0] === 'namespaces' && tail.length >= 2) {
    const [, namespace = '', third, name = '', ...rest] = tail;
    const ofNamespace = group === '' && (third === undefined || third === 'status' || third === 'finalize');
    if (ofNamespace) return { ...base, plural: 'namespaces', namespace: '', name: namespace, subresource: third ?? '' };
    return { ...base, plural: third ?? '', namespace, name, subresource: rest.join('/') };
  }
  const [plural = '', name = '', ...rest] = tail;
  return { ...base, plural, namespace: '', name, subresource: rest.join('/') };
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** A boolean query parameter as Go reads it. */
export function flagOf(query: URLSearchParams, name: string): boolean {
  const text = query.get(name);
  return text === '1' || text === 'true' || text === 't' || text === 'T' || text === 'TRUE' || text === 'True';
}
