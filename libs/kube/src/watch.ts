// SPDX-License-Identifier: Apache-2.0
import { type Clock, messageOf, systemClock } from '@plumbline/core';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubeClient } from './client.js';
import { apiErrorFrom, isGone, KubeApiError } from './errors.js';
import { parseJson } from './json.js';
import type { ApiResource, KubeObject } from './types.js';

/**
 * An event of a watch. `added`, `modified` and `deleted` are delivered once for each observed change, also across
 * reconnects:
 * after a gap, the differences to the cached state are delivered. `synced` follows every complete list, the first one
 * included.
 */
export type WatchEvent =
  | { readonly type: 'added' | 'modified' | 'deleted'; readonly object: KubeObject }
  | { readonly type: 'synced'; readonly resourceVersion: string };

/**
 * State of a watch: no list yet, up to date, or without updates since `sinceMs`.
 * Objects of a `lost` watch are outdated: callers MUST report "unknown since", not "in sync".
 */
export type WatchStatus =
  | { readonly state: 'connecting'; readonly sinceMs: number; readonly error?: string }
  | { readonly state: 'live'; readonly sinceMs: number }
  | { readonly state: 'lost'; readonly sinceMs: number; readonly error: string };

/** What to watch, and the callbacks. */
export interface WatchOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Called in the order of the events. MUST NOT throw. */
  readonly onEvent: (event: WatchEvent) => void;
  readonly onStatus?: (status: WatchStatus) => void;
  /**
   * Drops fields that the callbacks do not need before an object is cached; MUST keep apiVersion, kind, name,
   * namespace, uid and resourceVersion.
   */
  readonly strip?: (object: KubeObject) => KubeObject;
  /**
   * Try a streaming list (`sendInitialEvents`) before a paged one; default true. A server that refuses it is not
   * asked again.
   */
  readonly streamingLists?: boolean;
  /** Objects a page of a paged list; default 500. */
  readonly pageSize?: number;
  /** Delay after the first failure, doubled up to the longest; default 250 ms to 30 s. Half of it is jitter. */
  readonly backoff?: { readonly firstMs: number; readonly longestMs: number };
  /**
   * A connection without any line (bookmarks come about every minute) for this long is replaced by a new one; default
   * 150 s.
   */
  readonly stallTimeoutMs?: number;
  readonly clock?: Clock;
  /** 0 to 1; default `Math.random`. */
  readonly random?: () => number;
}

interface WatchLine {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: KubeObject;
}

/** Longest wait for the head of an answer. */
const OPENING_MS = 30_000;
/** Longest silence while a streaming list sends its objects. */
const INITIAL_SILENCE_MS = 10_000;
/** A session at least this long was a good one: the next failure starts with the shortest delay. */
const GOOD_SESSION_MS = 5_000;
/** A session shorter than this did not really take place. */
const SHORT_SESSION_MS = 1_000;
/** How long an opened watch must stand before a lost one counts as live again: servers say 410 in the first line. */
const SETTLE_MS = 200;

/**
 * Lists and watches one kind, for as long as it is wanted: reconnects from the last resourceVersion, lists again
 * after 410, backs off with jitter.
 * Keeps the (stripped) objects, so it is a cache too.
 */
export class ResourceWatch {
  readonly #client: KubeClient;
  readonly #options: WatchOptions;

  readonly #objects = new Map<string, KubeObject>();
  readonly #stopping = new AbortController();
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #synced = Promise.withResolvers<void>();
  #current: WatchStatus;
  #resourceVersion: string | undefined;
  #streaming: boolean;
  #failures = 0;
  #lastSignMs: number;
  #running: Promise<void> | undefined;

  constructor(
    client: KubeClient,
    /** What is watched. */
    readonly resource: ApiResource,
    options: WatchOptions,
  ) {
    this.#client = client;
    this.#options = options;

    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#streaming = options.streamingLists ?? true;
    this.#lastSignMs = this.#clock.nowMs();
    this.#current = { state: 'connecting', sinceMs: this.#lastSignMs };
    // A rejection without a waiting caller is not an unhandled one.
    this.#synced.promise.catch(() => undefined);
  }

  get status(): WatchStatus {
    return this.#current;
  }

  get size(): number {
    return this.#objects.size;
  }

  /** Begins. A second call does nothing. */
  start(): this {
    this.#running ??= this.#run();
    return this;
  }

  /** Ends the watch; no event comes after it resolves. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the watch was stopped'));
    this.#synced.reject(
      new Error(`the watch of ${this.resource.plural} was stopped before its first list was complete`),
    );
    await this.#running;
  }

  /** Resolves after the first complete list; rejects when stopped before. */
  async whenSynced(): Promise<void> {
    return this.#synced.promise;
  }

  /** The object as last seen. */
  get(namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#objects.get(`${namespace ?? ''}/${name}`);
  }

  /** All objects as last seen. */
  values(): IterableIterator<KubeObject> {
    return this.#objects.values();
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const startedAtMs = this.#clock.nowMs();
      let error: unknown;
      try {
        await this.#cycle();
      } catch (caught) {
        error = caught;
      }
      if (this.#stopping.signal.aborted) return;
      const lastedMs = this.#clock.nowMs() - startedAtMs;
      if (lastedMs >= GOOD_SESSION_MS) this.#failures = 0;
      if (error !== undefined) await this.#recover(error);
      else if (lastedMs < SHORT_SESSION_MS) await this.#recoverFromShortSession();
    }
  }

  /** A list if there is no version to go on from, then one watch until the server ends it. */
  async #cycle(): Promise<void> {
    if (this.#resourceVersion === undefined && this.#streaming && (await this.#streamList())) return;
    if (this.#resourceVersion === undefined) await this.#pagedList();
    await this.#session({ resourceVersion: this.#resourceVersion ?? '' }, undefined);
  }

  async #recover(error: unknown): Promise<void> {
    this.#lose(error);
    if (!isGone(error)) return this.#pause(error instanceof KubeApiError ? (error.retryAfterMs ?? 0) : 0);
    this.#resourceVersion = undefined;
    // After a 410 the watch lists again without a delay, but only once in a row.
    if (this.#failures > 0) return this.#pause(0);
    this.#failures += 1;
  }

  /** Servers end watches in good order now and then; one that always does so at once has something wrong with it. */
  async #recoverFromShortSession(): Promise<void> {
    if (this.#failures >= 2) this.#lose(new Error('the server ends the watch as soon as it is open'));
    await this.#pause(0);
  }

  async #pause(leastMs: number): Promise<void> {
    const { firstMs, longestMs } = this.#options.backoff ?? { firstMs: 250, longestMs: 30_000 };
    const ceilingMs = Math.min(longestMs, firstMs * 2 ** Math.min(this.#failures, 20));
    this.#failures += 1;
    const pauseMs = Math.max(leastMs, ceilingMs * (0.5 + 0.5 * this.#random()));
    await delay(pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  async #pagedList(): Promise<void> {
    const seen = new Set<string>();
    let resourceVersion = '';
    const { namespace, labelSelector, fieldSelector, pageSize } = this.#options;
    const query = { namespace, labelSelector, fieldSelector, limit: pageSize ?? 500, signal: this.#stopping.signal };
    for await (const page of this.#client.pages(this.resource, query)) {
      for (const item of page.items) seen.add(this.#upsert(item));
      resourceVersion = page.resourceVersion;
    }
    this.#completeList(seen, resourceVersion);
  }

  /** False when the server does not offer streaming lists. */
  async #streamList(): Promise<boolean> {
    try {
      await this.#session({ sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }, new Set());
      return true;
    } catch (error) {
      if (this.#resourceVersion !== undefined || this.#stopping.signal.aborted || !refusesStreaming(error)) throw error;
      this.#streaming = false;
      return false;
    }
  }

  /**
   * One connection from its opening to its end. `seen` collects the objects of a streaming list until it is complete.
   */
  async #session(query: Readonly<Record<string, string | boolean>>, seen: Set<string> | undefined): Promise<void> {
    const guard = new SessionGuard(this.#stopping.signal);
    const { namespace, labelSelector, fieldSelector, stallTimeoutMs = 150_000 } = this.#options;
    const timeoutSeconds = Math.round(300 + 300 * this.#random());
    let initial = seen;
    let settling: NodeJS.Timeout | undefined;
    let opened = false;
    try {
      guard.expectWithin(OPENING_MS);
      const response = await this.#client.watch(
        this.resource,
        { namespace, labelSelector, fieldSelector, allowWatchBookmarks: true, timeoutSeconds, ...query },
        guard.signal,
      );
      opened = true;
      if (initial === undefined) settling = setTimeout(() => this.#settle(), SETTLE_MS);
      guard.expectWithin(initial === undefined ? stallTimeoutMs : INITIAL_SILENCE_MS);
      for await (const line of response.lines()) {
        const event = parseJson<WatchLine>(line, `watch ${this.resource.plural}`);
        const ended = this.#take(event, initial);
        if (ended) initial = undefined;
        if (initial === undefined) this.#settle();
        guard.expectWithin(initial === undefined ? stallTimeoutMs : INITIAL_SILENCE_MS);
      }
    } catch (error) {
      // A silent connection is opened again; whether the server is there, that attempt will tell.
      if (guard.stalled && initial !== undefined) throw new StreamingStalled();
      if (!guard.stalled || !opened) throw error;
    } finally {
      clearTimeout(settling);
      guard.end();
    }
    if (initial !== undefined) throw new StreamingStalled();
  }

  /** Takes one line; true when it ended the initial events of a streaming list. */
  #take(event: WatchLine, initial: Set<string> | undefined): boolean {
    if (event.type === 'ERROR') throw this.#errorOf(event.object);
    this.#lastSignMs = this.#clock.nowMs();
    const { resourceVersion, annotations } = event.object.metadata;
    if (event.type === 'DELETED') this.#remove(event.object);
    else if (event.type !== 'BOOKMARK') {
      const key = this.#upsert(event.object);
      initial?.add(key);
    }
    const complete =
      event.type === 'BOOKMARK' && initial !== undefined && annotations?.['k8s.io/initial-events-end'] === 'true';
    if (complete) this.#completeList(initial, resourceVersion ?? '');
    // Until a streaming list is complete there is no version to go on from.
    else if (initial === undefined && resourceVersion !== undefined) this.#resourceVersion = resourceVersion;
    return complete;
  }

  #errorOf(status: KubeObject): KubeApiError {
    const code = typeof status['code'] === 'number' ? status['code'] : 500;
    const { group, kind } = this.resource;
    return apiErrorFrom(
      { verb: 'watch', group, kind, namespace: this.#options.namespace },
      { status: code, headers: {}, text: JSON.stringify(status) },
    );
  }

  #completeList(seen: ReadonlySet<string>, resourceVersion: string): void {
    for (const [key, object] of [...this.#objects]) {
      if (seen.has(key)) continue;
      this.#objects.delete(key);
      this.#options.onEvent({ type: 'deleted', object });
    }
    this.#resourceVersion = resourceVersion;
    this.#lastSignMs = this.#clock.nowMs();
    this.#options.onEvent({ type: 'synced', resourceVersion });
    this.#settle();
    this.#synced.resolve();
  }

  #upsert(raw: KubeObject): string {
    const object = this.#options.strip?.(raw) ?? raw;
    const key = keyOf(raw);
    const known = this.#objects.get(key);
    if (known?.metadata.resourceVersion === raw.metadata.resourceVersion && known !== undefined) return key;
    const replaced = known !== undefined && known.metadata.uid !== raw.metadata.uid;
    if (replaced) this.#options.onEvent({ type: 'deleted', object: known });
    this.#objects.set(key, object);
    this.#options.onEvent({ type: known === undefined || replaced ? 'added' : 'modified', object });
    return key;
  }

  #remove(raw: KubeObject): void {
    const key = keyOf(raw);
    const known = this.#objects.get(key);
    if (known === undefined || known.metadata.uid !== raw.metadata.uid) return;
    this.#objects.delete(key);
    this.#options.onEvent({ type: 'deleted', object: this.#options.strip?.(raw) ?? raw });
  }

  #settle(): void {
    this.#lastSignMs = this.#clock.nowMs();
    if (this.#current.state !== 'live') this.#change({ state: 'live', sinceMs: this.#lastSignMs });
  }

  #lose(error: unknown): void {
    const text = messageOf(error);
    if (this.#current.state === 'live') this.#change({ state: 'lost', sinceMs: this.#lastSignMs, error: text });
    else this.#change({ ...this.#current, error: text });
  }

  #change(status: WatchStatus): void {
    this.#current = status;
    this.#options.onStatus?.(status);
  }
}

class StreamingStalled extends Error {
  constructor() {
    super('the streaming list did not complete');
  }
}

/** Ends one connection: because the whole watch stops, or because nothing came in time. */
class SessionGuard {
  readonly #outer: AbortSignal;

  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  readonly #forward = (): void => this.#controller.abort(this.#outer.reason);
  stalled = false;

  constructor(outer: AbortSignal) {
    this.#outer = outer;

    if (outer.aborted) this.#forward();
    else outer.addEventListener('abort', this.#forward, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  expectWithin(limitMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.stalled = true;
      this.#controller.abort(new DOMException('nothing came in time', 'TimeoutError'));
    }, limitMs);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener('abort', this.#forward);
    this.#controller.abort(new Error('the watch session ended'));
  }
}

function keyOf(object: KubeObject): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}

/**
 * Old servers, switched-off feature gates and old etcds refuse in their own ways; a 401, 403, 404, 410 or 429 would
 * meet a paged list too.
 */
function refusesStreaming(error: unknown): boolean {
  if (error instanceof StreamingStalled) return true;
  return error instanceof KubeApiError && ![401, 403, 404, 410, 429, 503].includes(error.status);
}
