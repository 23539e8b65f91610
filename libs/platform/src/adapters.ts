// SPDX-License-Identifier: Apache-2.0
import { InputError, PlumblineError } from '@plumbline/core';
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
  if (config.logCredential === undefined)
    throw new InputError(
      'PLB-1905',
      'each service shows the log its own credential: run "plumb keygen", and set PLUMBLINE_LOG_CREDENTIAL_FILE to the file named after this service',
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
    token: config.logCredential,
    ...(config.logTlsName === undefined ? {} : { tlsName: config.logTlsName }),
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
  const store = new PostgresObjectStore({
    url: config.objectStoreUrl,
    // The process that contains the audit service uses the log anyway.
    requireSeparateRole: config.logUrl.startsWith('grpc') && !config.objectStoreAllowsLogAccess,
  });
  try {
    await store.prepare();
  } catch (error) {
    // A database that does not answer yet is tried again at the first use; a role that must not be used ends the start.
    if (error instanceof PlumblineError && error.retry === 'never') {
      await store.close();
      throw error;
    }
  }
  return new GatheringObjectStore(store, { maxCached: config.objectStoreCacheBytes });
}
