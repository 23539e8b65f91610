// SPDX-License-Identifier: Apache-2.0
import { InputError } from '@plumbline/core';
import type {
  DeliveryCursors,
  EventLog,
  LegalHolds,
  LogQueries,
  LogTree,
  ParkedWork,
  PersonalData,
  WorkLeases,
} from '@plumbline/event-log';
import { GatheringObjectStore, type ObjectStore } from '@plumbline/object-store';
import type { PlatformConfig } from './platform.config.js';

/** Something that holds connections. */
export interface Closable {
  close(): Promise<void>;
}

/** The log as seen by everybody but its writer. */
export interface LogParts extends Closable {
  readonly log: EventLog;
  readonly queries: LogQueries;
  readonly tree: LogTree;
  readonly parked: ParkedWork;
  readonly holds: LegalHolds;
  readonly persons: PersonalData;
  readonly leases: WorkLeases;
  readonly cursors: DeliveryCursors;
}

/**
 * A client of the log, or undefined in the process of the audit service, whose module provides the log itself.
 * @throws InputError PLB-1905 when the secret of the log is not given.
 */
export async function openLog(config: PlatformConfig): Promise<LogParts | undefined> {
  if (!config.logUrl.startsWith('grpc')) return undefined;
  if (config.logToken === undefined)
    throw new InputError(
      'PLB-1905',
      'the log is reached with a secret: set PLUMBLINE_LOG_TOKEN_FILE to the file that the audit service has too',
    );
  const {
    GrpcDeliveryCursors,
    GrpcEventLog,
    GrpcLegalHolds,
    GrpcLogQueries,
    GrpcLogTree,
    GrpcParkedWork,
    GrpcPersonalData,
    GrpcWorkLeases,
    LogChannel,
  } = await import('@plumbline/event-log/client');
  const channel = new LogChannel({
    url: config.logUrl,
    token: config.logToken,
    ...(config.logCaFile === undefined ? {} : { caFile: config.logCaFile }),
  });
  return {
    log: new GrpcEventLog(channel),
    queries: new GrpcLogQueries(channel),
    tree: new GrpcLogTree(channel),
    parked: new GrpcParkedWork(channel),
    holds: new GrpcLegalHolds(channel),
    persons: new GrpcPersonalData(channel),
    leases: new GrpcWorkLeases(channel),
    cursors: new GrpcDeliveryCursors(channel),
    close: async () => channel.close(),
  };
}

/** The object store that the URL names. */
export async function openObjectStore(config: PlatformConfig): Promise<ObjectStore & Partial<Closable>> {
  if (config.objectStoreUrl.startsWith('memory:')) {
    const { MemoryObjectStore } = await import('@plumbline/object-store/memory');
    return new MemoryObjectStore();
  }
  const { PostgresObjectStore } = await import('@plumbline/object-store/postgres');
  return new GatheringObjectStore(new PostgresObjectStore({ url: config.objectStoreUrl }), {
    maxCached: config.objectStoreCacheBytes,
  });
}
