// SPDX-License-Identifier: Apache-2.0
import type { Meter } from '@opentelemetry/api';
import { ApplicationId, messageOf, TargetId } from '@plumbline/core';
import { Worklist } from '@plumbline/reactor';
import type { TargetContext } from './target-context.js';
import { TargetWorker } from './target-worker.js';

const OBSERVE_DEBOUNCE_MS = 100;
const BACKOFF = { firstMs: 1_000, maxMs: 60_000 };

/**
 * A worklist of targets per cluster: one slow cluster does not delay the others, and the projects on a cluster take
 * turns.
 */
export class TargetWork {
  readonly #context: TargetContext;
  readonly #meter: Meter;
  readonly #concurrency: number;
  readonly #workers = new Map<TargetId, TargetWorker>();
  readonly #lists = new Map<string, Worklist<TargetId>>();
  #isRunning = false;

  /** @param options.concurrency targets of one cluster that are worked on at the same time */
  constructor(context: TargetContext, options: { readonly concurrency: number; readonly meter: Meter }) {
    this.#context = context;
    this.#meter = options.meter;
    this.#concurrency = options.concurrency;
  }

  /** Targets that are worked on now. */
  get busy(): number {
    return [...this.#lists.values()].reduce((busy, list) => busy + list.busy, 0);
  }

  /** Works on scheduled targets from now on. */
  start(): void {
    this.#isRunning = true;
    for (const list of this.#lists.values()) list.start();
  }

  /** Decides on a target as soon as possible. */
  schedule(id: TargetId): void {
    this.#listOf(id).add(id);
  }

  /** Observes a target soon, together with further changes of its objects. */
  scheduleObservation(id: TargetId): void {
    this.#workerOf(id).requestObservation();
    this.#listOf(id).addLater(id, OBSERVE_DEBOUNCE_MS);
  }

  /** Resolves when all current actions are done; no action starts afterwards. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    await Promise.all([...this.#lists.values()].map(async (list) => list.stop()));
  }

  #workerOf(id: TargetId): TargetWorker {
    let worker = this.#workers.get(id);
    if (worker === undefined) {
      worker = new TargetWorker(id, this.#context);
      this.#workers.set(id, worker);
    }
    return worker;
  }

  #listOf(id: TargetId): Worklist<TargetId> {
    const { cluster } = TargetId.parts(id);
    let list = this.#lists.get(cluster);
    if (list === undefined) {
      list = this.#createList(cluster);
      this.#lists.set(cluster, list);
      if (this.#isRunning) list.start();
    }
    return list;
  }

  #createList(cluster: string): Worklist<TargetId> {
    return new Worklist<TargetId>({
      name: `applier ${cluster}`,
      meter: this.#meter,
      concurrency: this.#concurrency,
      groupOf: (id) => ApplicationId.project(TargetId.parts(id).application),
      backoff: BACKOFF,
      work: async (id) => this.#workerOf(id).run(),
      onError: (target, error, { attempt, retryMs }) => {
        this.#context.session(cluster)?.suspect();
        this.#context.logger.warn('the work on a target failed; retrying', {
          target,
          message: messageOf(error),
          attempt,
          retryMs,
        });
      },
    });
  }
}
