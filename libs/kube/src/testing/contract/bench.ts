// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { KubeClient } from '../../client.js';
import type { KubeTransport } from '../../kube-transport.port.js';
import type { ApiResource, KubeObject } from '../../types.js';

/** A request that admission is to refuse. */
export interface Denial {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  /** Refused are ConfigMaps of this namespace with this label. */
  readonly namespace: string;
  readonly label: string;
  readonly message: string;
}

/** One API server under test. */
export interface KubeContractTarget {
  readonly transport: KubeTransport;
  dispose(): Promise<void>;
  /** Makes the resourceVersions and continue tokens given so far too old, now or within seconds. */
  compact(): Promise<void>;
  /** Makes admission refuse, from now on; resolves to the policy's name. */
  deny(denial: Denial): Promise<string>;
}

/** What the checks share: one client, and a namespace of its own for each check. */
export class Bench {
  readonly client: KubeClient;

  constructor(readonly target: KubeContractTarget) {
    this.client = new KubeClient(target.transport, { cluster: 'contract' });
  }

  /** A kind that must be there. */
  async resource(apiVersion: string, kind: string): Promise<ApiResource> {
    const found = await this.client.discovery.resourceFor(apiVersion, kind);
    if ('found' in found) return found.found;
    throw new Error(`${apiVersion} ${kind}: ${JSON.stringify(found)}`);
  }

  async namespace(): Promise<string> {
    const name = `contract-${randomBytes(4).toString('hex')}`;
    await this.client.create(await this.resource('v1', 'Namespace'), {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name },
    });
    return name;
  }

  /** Applies an object of a kind that discovery knows; `manager` and the rest as in `apply`. */
  async apply(object: KubeObject, options: Parameters<KubeClient['apply']>[2] = {}): ReturnType<KubeClient['apply']> {
    return this.client.apply(await this.resource(object.apiVersion, object.kind), object, options);
  }

  async get(object: KubeObject): Promise<KubeObject | undefined> {
    return this.client.get(
      await this.resource(object.apiVersion, object.kind),
      object.metadata.namespace,
      object.metadata.name,
    );
  }

  async delete(
    object: KubeObject,
    options: Partial<Parameters<KubeClient['delete']>[3]> = {},
  ): ReturnType<KubeClient['delete']> {
    const resource = await this.resource(object.apiVersion, object.kind);
    return this.client.delete(resource, object.metadata.namespace, object.metadata.name, {
      propagationPolicy: 'Background',
      ...options,
    });
  }

  /** A request without the client's cleverness; the body is parsed if it is JSON. */
  async raw(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: string,
    contentType = 'application/json',
  ): Promise<RawAnswer> {
    const response = await this.target.transport.request({
      method,
      path,
      headers: { accept: 'application/json', 'content-type': contentType },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parsed(text) };
  }

  /** Lines of a watch until the server ends it or `enough` says so. `whenOpen` runs once it is open. */
  async watch(
    apiVersion: string,
    kind: string,
    query: Readonly<Record<string, string | number | boolean>>,
    { enough = () => false, whenOpen = async () => undefined }: WatchUse = {},
  ): Promise<WatchLine[]> {
    const controller = new AbortController();
    const lines: WatchLine[] = [];
    try {
      const response = await this.client.watch(await this.resource(apiVersion, kind), query, controller.signal);
      await whenOpen();
      for await (const line of response.lines()) {
        lines.push(JSON.parse(line) as WatchLine);
        if (enough(lines)) break;
      }
    } finally {
      controller.abort();
    }
    return lines;
  }
}

/** What a check does with a watch. */
export interface WatchUse {
  readonly enough?: (lines: readonly WatchLine[]) => boolean;
  readonly whenOpen?: () => Promise<unknown>;
}

/** One line of a watch. */
export interface WatchLine {
  readonly type: string;
  readonly object: KubeObject;
}

/** An answer as it came. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  // oxlint-disable-next-line typescript/no-explicit-any -- checks reach into arbitrary answers
  readonly body: any;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Registers one check of an area. */
export type Check = (title: string, run: (bench: Bench) => Promise<void>) => void;

/** An empty `data` is left out: an empty map is a claim of its own. */
export function configMap(
  namespace: string,
  name: string,
  data: Record<string, string> = {},
  metadata: object = {},
): KubeObject {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, ...metadata } };
  return Object.keys(data).length === 0 ? object : { ...object, data };
}

export function secret(namespace: string, name: string, fields: object): KubeObject {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, ...fields };
}

/** A Deployment of one container `app`; `spec` and `container` are merged in. */
export function deployment(namespace: string, name: string, spec: object = {}, container: object = {}): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'app', image: 'registry.example/app:1', ...container }] },
      },
      ...spec,
    },
  };
}

/** A CRD of kind Widget in its own group; `schema` is that of `spec`. */
export function widgetCrd(
  group: string,
  options: {
    readonly schema?: object;
    readonly scope?: string;
    readonly status?: boolean;
    readonly versions?: readonly object[];
  } = {},
): KubeObject {
  const { schema, scope = 'Namespaced', status = true } = options;
  const version = {
    name: 'v1',
    served: true,
    storage: true,
    schema: {
      openAPIV3Schema:
        schema === undefined
          ? { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
          : {
              type: 'object',
              properties: { spec: schema, status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
            },
    },
    ...(status ? { subresources: { status: {} } } : {}),
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope,
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
      versions: options.versions ?? [version],
    },
  };
}

/** The value at a path of keys and indexes. */
// oxlint-disable-next-line typescript/no-explicit-any -- checks reach into arbitrary objects
export function dig(value: unknown, ...path: readonly (string | number)[]): any {
  let current = value;
  for (const key of path)
    current =
      typeof current === 'object' && current !== null ? (current as Record<string | number, unknown>)[key] : undefined;
  return current;
}
