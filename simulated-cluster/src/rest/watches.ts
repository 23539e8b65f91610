// SPDX-License-Identifier: Apache-2.0
import { UpstreamError } from '@plumbline/core';
import { failures, fieldErrors } from '../api-failure.js';
import { jsonOf } from '../store/json-cache.js';
import type { Change } from '../store/store.js';
import { type Obj, withAt } from '../value.js';
import type { ServerContext } from './context.js';
import { type ApiRequest, flagOf, type ResourceTarget } from './request.js';
import type { Resource } from '../resource.js';
import { type Selector, selectorOf } from './selectors.js';

/** A stream of lines: the body of a watch. */
export interface LineStream {
  lines(): AsyncIterable<string>;
  /** The reader went away. */
  cancel(): void;
}

/** One open watch. */
export class Watch implements LineStream {
  readonly #options: {
    readonly resource: Resource;
    readonly namespace: string;
    readonly name: string;
    readonly selector: Selector | undefined;
    readonly view: (object: Obj) => Obj;
    readonly bookmarks: boolean;
    readonly revision: number;
  };

  readonly #queue: string[] = [];
  #wake: (() => void) | undefined;
  #ended: { readonly error?: Error } | undefined;
  readonly #releases: (() => void)[] = [];
  #lastRevision: number;

  constructor(options: {
    readonly resource: Resource;
    readonly namespace: string;
    readonly name: string;
    readonly selector: Selector | undefined;
    readonly view: (object: Obj) => Obj;
    readonly bookmarks: boolean;
    readonly revision: number;
  }) {
    this.#options = options;

    this.#lastRevision = options.revision;
  }

  get collection(): string {
    return this.#options.resource.collection;
  }

  /** Something to do when the watch is over. */
  onEnd(release: () => void): void {
    this.#releases.push(release);
  }

  push(line: string): void {
    if (this.#ended !== undefined) return;
    this.#queue.push(line);
    this.#wake?.();
  }

  /**
   * Passes a change on, as far as this watch is concerned by it: an object that leaves the selection counts as
   * deleted.
   */
  offer(change: Change): void {
    this.#lastRevision = change.revision;
    const { namespace, name, selector, view } = this.#options;
    if (namespace !== '' && !change.key.startsWith(`${namespace}/`)) return;
    if (name !== '' && change.key !== (namespace === '' ? name : `${namespace}/${name}`)) return;
    const object = view(change.object);
    const was = change.before !== undefined && (selector?.(view(change.before)) ?? true);
    const is = change.type !== 'DELETED' && (selector?.(object) ?? true);
    const type = is ? (was ? 'MODIFIED' : 'ADDED') : was ? 'DELETED' : undefined;
    if (type === undefined) return;
    const shown =
      type === 'DELETED' && change.type !== 'DELETED' && change.before !== undefined
        ? withAt(view(change.before), ['metadata', 'resourceVersion'], String(change.revision))
        : object;
    this.push(`{"type":"${type}","object":${jsonOf(shown)}}`);
  }

  /** A bookmark at the newest revision this watch has seen, or at a given one. */
  bookmark(revision: number = this.#lastRevision, initialEnd = false): void {
    if (!this.#options.bookmarks) return;
    this.#lastRevision = revision;
    const { kind, apiVersion } = this.#options.resource;
    const metadata = {
      resourceVersion: String(revision),
      ...(initialEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
    };
    this.push(JSON.stringify({ type: 'BOOKMARK', object: { kind, apiVersion, metadata } }));
  }

  /** Ends the stream: cleanly, or as a broken connection. */
  end(error?: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = error === undefined ? {} : { error };
    for (const release of this.#releases) release();
    this.#wake?.();
  }

  cancel(): void {
    this.end();
  }

  async *lines(): AsyncIterable<string> {
    try {
      while (true) {
        const line = this.#queue.shift();
        if (line !== undefined) {
          yield line;
          continue;
        }
        if (this.#ended !== undefined) {
          if (this.#ended.error !== undefined) throw this.#ended.error;
          return;
        }
        await new Promise<void>((resolve) => (this.#wake = resolve));
        this.#wake = undefined;
      }
    } finally {
      this.cancel();
    }
  }
}

/** All open watches. */
export class Watches {
  readonly #context: ServerContext;
  readonly #options: { readonly bookmarkIntervalMs: number };

  readonly #open = new Set<Watch>();

  constructor(context: ServerContext, options: { readonly bookmarkIntervalMs: number }) {
    this.#context = context;
    this.#options = options;
  }

  get count(): number {
    return this.#open.size;
  }

  start(resource: Resource, target: ResourceTarget, request: ApiRequest, view: (object: Obj) => Obj): LineStream {
    const { query } = request;
    const { store } = this.#context;
    const version = query.get('resourceVersion') ?? '';
    if (version !== '' && !/^\d+$/.test(version)) {
      throw failures.internal(
        `resourceVersion: Invalid value: ${JSON.stringify(version)}: strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`,
      );
    }
    const initial = query.get('sendInitialEvents');
    const revision = version === '' ? 0 : Number(version);
    this.#checkInitial(query, initial);
    const watch = new Watch({
      resource,
      namespace: target.namespace,
      name: target.name,
      selector: selectorOf(resource, query),
      view,
      bookmarks: flagOf(query, 'allowWatchBookmarks'),
      revision: store.revision,
    });
    const wantsState = initial === null ? revision === 0 : initial === 'true';
    const changes =
      wantsState || (initial === 'false' && revision === 0) ? [] : store.since(resource.collection, revision);
    if (changes === undefined) {
      const failure = failures.expired(`too old resource version: ${revision} (${store.compactedRevision + 1})`);
      watch.push(JSON.stringify({ type: 'ERROR', object: failure.status() }));
      watch.end();
      return watch;
    }
    if (wantsState) this.#sendState(watch, resource, target);
    if (initial === 'true') watch.bookmark(store.revision, true);
    for (const change of changes) watch.offer(change);
    this.#follow(watch, resource, Number(query.get('timeoutSeconds') ?? '0'));
    return watch;
  }

  /** Breaks every watch, as a network failure does. */
  disconnect(): void {
    for (const watch of [...this.#open]) {
      watch.end(
        new UpstreamError('PLB-6201', 'the simulated cluster dropped the connection of a watch; open it again', {
          retry: 'after-delay',
        }),
      );
    }
  }

  /** Ends every watch of a collection that is no longer served. */
  endCollection(collection: string): void {
    for (const watch of [...this.#open]) if (watch.collection === collection) watch.end();
  }

  /** Ends all watches cleanly. */
  endAll(): void {
    for (const watch of [...this.#open]) watch.end();
  }

  bookmarkAll(): void {
    for (const watch of this.#open) watch.bookmark(this.#context.store.revision);
  }

  #checkInitial(query: URLSearchParams, initial: string | null): void {
    const match = query.get('resourceVersionMatch') ?? '';
    if (initial !== null && match !== 'NotOlderThan') {
      throw failures.invalid('meta.k8s.io', 'ListOptions', '', [
        {
          field: 'resourceVersionMatch',
          reason: 'FieldValueForbidden',
          message: 'Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
        },
      ]);
    }
    if (initial === null && match !== '') {
      const errors = [
        fieldErrors.forbidden(
          'resourceVersionMatch',
          'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
        ),
      ];
      if (match !== 'NotOlderThan')
        errors.push(fieldErrors.unsupported('resourceVersionMatch', match, ['NotOlderThan']));
      throw failures.invalid('meta.k8s.io', 'ListOptions', '', errors);
    }
  }

  #sendState(watch: Watch, resource: Resource, target: ResourceTarget): void {
    const { store } = this.#context;
    for (const key of store.keys(resource.collection, target.namespace === '' ? undefined : target.namespace)) {
      const object = store.get(resource.collection, key);
      if (object === undefined) continue;
      watch.offer({
        revision: store.revision,
        type: 'ADDED',
        collection: resource.collection,
        key,
        object,
        before: undefined,
      });
    }
  }

  #follow(watch: Watch, resource: Resource, timeoutSeconds: number): void {
    this.#open.add(watch);
    watch.onEnd(() => this.#open.delete(watch));
    watch.onEnd(this.#context.store.subscribe(resource.collection, (change) => watch.offer(change)));
    const bookmarks = setInterval(() => watch.bookmark(this.#context.store.revision), this.#options.bookmarkIntervalMs);
    bookmarks.unref();
    watch.onEnd(() => clearInterval(bookmarks));
    if (timeoutSeconds > 0) {
      const timer = setTimeout(() => {
        watch.bookmark(this.#context.store.revision);
        watch.end();
      }, timeoutSeconds * 1000);
      timer.unref();
      watch.onEnd(() => clearTimeout(timer));
    }
  }
}
