// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FactoryProvider, InjectionToken, Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { Meter } from '@opentelemetry/api';
import type { Clock } from '@plumbline/core';
import { EVENT_LOG, type EventLog } from '@plumbline/event-log';
import type { ServiceName } from '@plumbline/events';
import {
  codeDigest,
  eventHandlersOf,
  EventReactor,
  FileSnapshotStore,
  type Fold,
  type LiveEvents,
} from '@plumbline/reactor';
import type { Logger } from './logger.js';
import type { Readiness } from './readiness.js';
import { snapshotDirectory } from './reactor.config.js';
import { EVENT_TRANSPORT, CLOCK, CONFIG_SOURCE, type ConfigSource, LOGGER, METER, READINESS } from './tokens.js';

/** Injection token of the {@link EventReactor} of a service's module. */
export const EVENT_REACTOR = Symbol('EVENT_REACTOR');

/** The consumer of a service. */
export interface ReactorDefinition {
  /** Name in metrics, readiness and `@EventPattern(type, { consumer })`. */
  readonly consumer: string;
  /** The service that appends. */
  readonly service: ServiceName;
  /** The controller with the handlers: `<service>.events.ts`. */
  readonly events: Type;
  /** Token of the state that the handlers change, a {@link Fold}. */
  readonly fold: InjectionToken;
  /**
   * URLs of modules in the folders with the code that folds: `import.meta.url`,
   * `import.meta.resolve('@plumbline/read-models')`. A
   * snapshot that other code has written is not used.
   */
  readonly code: readonly string[];
  /** Follows events of every type; see `ReactorOptions.allTypes`. */
  readonly allTypes?: boolean;
}

function folderOf(url: string): string {
  return path.dirname(fileURLToPath(url));
}

/** Provides the {@link EVENT_REACTOR} of a module. The service of the module starts and stops it. */
export function reactorProvider(definition: ReactorDefinition): FactoryProvider<EventReactor> {
  const { consumer, service, events, fold, code, allTypes = false } = definition;
  return {
    provide: EVENT_REACTOR,
    inject: [
      ModuleRef,
      EVENT_LOG,
      CLOCK,
      LOGGER,
      METER,
      READINESS,
      CONFIG_SOURCE,
      fold,
      { token: EVENT_TRANSPORT, optional: true },
    ],
    useFactory: (
      module: ModuleRef,
      log: EventLog,
      clock: Clock,
      logger: Logger,
      meter: Meter,
      readiness: Readiness,
      source: ConfigSource,
      state: Fold,
      transport?: Partial<LiveEvents>,
    ) =>
      new EventReactor({
        consumer,
        service,
        log,
        clock,
        logger,
        meter,
        readiness,
        fold: state,
        allTypes,
        handlers: () => eventHandlersOf(module.get<object>(events), consumer),
        snapshots: {
          store: new FileSnapshotStore(snapshotDirectory(source)),
          code: codeDigest([...code, import.meta.resolve('@plumbline/reactor')].map(folderOf)),
          schema: codeDigest([folderOf(import.meta.resolve('@plumbline/events'))]),
        },
        ...(isLive(transport) ? { live: transport } : {}),
      }),
  };
}

function isLive(transport: Partial<LiveEvents> | undefined): transport is LiveEvents {
  return transport?.attach !== undefined;
}
