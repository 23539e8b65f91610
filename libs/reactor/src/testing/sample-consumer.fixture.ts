// SPDX-License-Identifier: Apache-2.0
import { Controller } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { type Clock, systemClock } from '@plumbline/core';
import type { EventLog } from '@plumbline/event-log';
import { type EventOf, projectSpec } from '@plumbline/events';
import { EventReactor } from '../event-reactor.js';
import type { LiveEvents } from '../event-range.js';
import type { Fold } from '../fold.js';
import { eventHandlersOf } from '../handlers.js';
import type { SnapshotOptions } from '../reactor-options.js';
import type { SnapshotStore } from '../snapshots/snapshot-store.port.js';
import type { ReactorSubject } from './reactor.contract.js';
import { recordedMetrics } from './recorded-metrics.js';

/** Notes of projects: how often each was declared, and its newest note. */
export class ProjectNotes implements Fold {
  readonly notes = new Map<string, { readonly note: string; readonly count: number }>();
  /** Positions in the order in which they were folded. */
  readonly folded: number[] = [];

  declared({ position, data }: EventOf<'ProjectDeclared'>): Promise<void> | void {
    const count = (this.notes.get(data.name)?.count ?? 0) + 1;
    this.notes.set(data.name, { note: data.labels['note'] ?? '', count });
    this.folded.push(position);
  }

  removed({ position, data }: EventOf<'ProjectRemoved'>): void {
    this.notes.delete(data.name);
    this.folded.push(position);
  }

  snapshot(): unknown {
    return { notes: [...this.notes] };
  }

  restore(state: unknown): void {
    const { notes } = state as {
      readonly notes: readonly [string, { readonly note: string; readonly count: number }][];
    };
    this.notes.clear();
    for (const [name, note] of notes) this.notes.set(name, note);
  }
}

/** The page of events of the sample consumer. */
@Controller()
export class SampleEvents {
  readonly #notes: ProjectNotes;

  constructor(notes: ProjectNotes) {
    this.#notes = notes;
  }

  @EventPattern('ProjectDeclared', { consumer: 'sample' })
  async projectDeclared(event: EventOf<'ProjectDeclared'>): Promise<void> {
    await this.#notes.declared(event);
  }

  @EventPattern('ProjectRemoved', { consumer: 'sample' })
  projectRemoved(event: EventOf<'ProjectRemoved'>): void {
    this.#notes.removed(event);
  }
}

/** How a sample consumer is started. */
export interface SampleOptions {
  readonly log: EventLog;
  readonly store?: SnapshotStore;
  readonly snapshots?: Partial<SnapshotOptions>;
  readonly live?: LiveEvents;
  readonly clock?: Clock;
  readonly onLog?: (
    level: 'error' | 'warn' | 'info',
    message: string,
    fields: Readonly<Record<string, unknown>>,
  ) => void;
}

/** A consumer with a state that specs can look into. */
export interface SampleConsumer extends ReactorSubject {
  readonly notes: ProjectNotes;
}

/** A consumer that is not started. */
export function sampleConsumer(options: SampleOptions): SampleConsumer {
  const notes = new ProjectNotes();
  const metrics = recordedMetrics();
  const states = new Map<string, { readonly ready: boolean; readonly detail?: string }>();
  const line =
    (level: 'error' | 'warn' | 'info') =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) =>
      options.onLog?.(level, message, fields);
  const { store, live } = options;
  const reactor = new EventReactor({
    consumer: 'sample',
    service: 'gateway',
    log: options.log,
    handlers: eventHandlersOf(new SampleEvents(notes), 'sample'),
    fold: notes,
    clock: options.clock ?? systemClock,
    logger: { error: line('error'), warn: line('warn'), info: line('info') },
    meter: metrics.meter,
    readiness: {
      report: (part, ready, detail) => states.set(part, detail === undefined ? { ready } : { ready, detail }),
    },
    ...(live === undefined ? {} : { live }),
    ...(store === undefined ? {} : { snapshots: { store, code: 'code-1', schema: 'schema-1', ...options.snapshots } }),
  });
  return {
    notes,
    reactor,
    readiness: () => states.get('sample'),
    metric: async (name) => metrics.valueOf(name, { consumer: 'sample' }),
    [Symbol.asyncDispose]: async () => reactor.stop(),
  };
}

/** Starts a consumer; resolves when it has caught up. */
export async function startSample(options: SampleOptions): Promise<SampleConsumer> {
  const sample = sampleConsumer(options);
  await sample.reactor.start();
  return sample;
}

/** A declaration of a project on the stream of the project. */
export function declared(
  name: string,
  note: string,
): {
  readonly stream: string;
  readonly event: { readonly type: 'ProjectDeclared'; readonly data: EventOf<'ProjectDeclared'>['data'] };
} {
  return {
    stream: `project-${name}`,
    event: { type: 'ProjectDeclared', data: { name, labels: { note }, spec: projectSpec.parse({}) } },
  };
}
