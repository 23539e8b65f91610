// SPDX-License-Identifier: Apache-2.0
import { type DynamicModule, Module, type ValueProvider } from '@nestjs/common';
import { EVENT_PUBLISHER } from '@plumbline/messaging';
import { type Clock, systemClock } from '@plumbline/core';
import {
  DELIVERY_CURSORS,
  EVENT_LOG,
  LEGAL_HOLDS,
  LOG_QUERIES,
  LOG_TREE,
  PARKED_WORK,
  PERSONAL_DATA,
  WORK_LEASES,
} from '@plumbline/event-log';
import { OBJECT_STORE, type ObjectStore } from '@plumbline/object-store';
import { type Closable, type LogParts, openLog, openObjectStore } from './adapters.js';
import type { Logger } from './logger.js';
import { type MessagingParts, openMessaging } from './messaging.js';
import type { PlatformConfig } from './platform.config.js';
import { Endpoints, type Readiness } from './readiness.js';
import type { Telemetry } from './telemetry/telemetry.js';
import {
  CLOCK,
  CONFIG_SOURCE,
  type ConfigSource,
  ENDPOINTS,
  EVENT_TRANSPORT,
  LOGGER,
  METER,
  READINESS,
  SERVICE_NAME,
  TRACER,
} from './tokens.js';

/** Everything of a process that is not a service: made before the application, closed after it. */
export interface PlatformParts {
  readonly service: string;
  readonly source: ConfigSource;
  readonly config: PlatformConfig;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly readiness: Readiness;
  readonly endpoints: Endpoints;
  readonly messaging: MessagingParts;
  readonly log: LogParts | undefined;
  readonly objectStore: ObjectStore & Partial<Closable>;
}

/** What {@link openPlatform} is given. */
export interface PlatformOptions {
  readonly service: string;
  readonly source: ConfigSource;
  readonly config: PlatformConfig;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly readiness: Readiness;
  readonly clock?: Clock;
}

/** Opens the adapters that the URLs of the configuration name. None of them waits for its server. */
export async function openPlatform(options: PlatformOptions): Promise<PlatformParts> {
  const { config } = options;
  return {
    ...options,
    clock: options.clock ?? systemClock,
    endpoints: new Endpoints(),
    messaging: await openMessaging(config, { ...options, meter: options.telemetry.meter }),
    log: await openLog(config),
    objectStore: await openObjectStore(config),
  };
}

/** Closes what {@link openPlatform} opened; returns what went wrong. */
export async function closePlatform(parts: PlatformParts): Promise<readonly unknown[]> {
  const results = await Promise.allSettled([parts.messaging.close(), parts.log?.close(), parts.objectStore.close?.()]);
  return results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
}

/** Global providers of the ports and of what every service needs. */
@Module({})
export class PlatformModule {
  static with(parts: PlatformParts): DynamicModule {
    const value = (provide: symbol, useValue: unknown): ValueProvider => ({ provide, useValue });
    const providers: ValueProvider[] = [
      value(CLOCK, parts.clock),
      value(LOGGER, parts.logger),
      value(CONFIG_SOURCE, parts.source),
      value(SERVICE_NAME, parts.service),
      value(METER, parts.telemetry.meter),
      value(TRACER, parts.telemetry.tracer),
      value(READINESS, parts.readiness),
      value(ENDPOINTS, parts.endpoints),
      value(EVENT_PUBLISHER, parts.messaging.publisher),
      value(EVENT_TRANSPORT, parts.messaging.transport),
      value(OBJECT_STORE, parts.objectStore),
    ];
    // In the process of the audit service its own module provides these, globally.
    if (parts.log !== undefined) {
      const { log, queries, tree, parked, holds, persons, leases, cursors } = parts.log;
      providers.push(
        value(EVENT_LOG, log),
        value(LOG_QUERIES, queries),
        value(LOG_TREE, tree),
        value(PARKED_WORK, parked),
        value(LEGAL_HOLDS, holds),
        value(PERSONAL_DATA, persons),
        value(WORK_LEASES, leases),
        value(DELIVERY_CURSORS, cursors),
      );
    }
    return { module: PlatformModule, global: true, providers, exports: providers.map(({ provide }) => provide) };
  }
}
