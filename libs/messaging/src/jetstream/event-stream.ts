// SPDX-License-Identifier: Apache-2.0
import {
  DiscardPolicy,
  JetStreamApiError,
  jetstreamManager,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { messageOf, UpstreamError } from '@plumbline/core';

/** Name of the stream of event batches. */
export const EVENT_STREAM = 'PL_EV';
const DAY_NANOS = 24 * 60 * 60 * 1e9;

/** Subject of the batches of one shard of the log. There is one partition per shard: see the decision record on partitions. */
export const subjectOf = (shard: number): string => `pl.ev.${shard}`;

/** What our streams have in common: a copy of the last days of the log, from which the oldest goes first. */
const COPY_OF_THE_LOG = {
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  discard: DiscardPolicy.Old,
  max_age: 7 * DAY_NANOS,
  duplicate_window: 120 * 1e9,
  allow_direct: true,
} satisfies Partial<StreamConfig>;

/** What makes one of our streams that one. */
export interface WantedStream {
  readonly name: string;
  readonly description: string;
  /** One, with wildcards. */
  readonly subjects: string;
}

const WANTED: WantedStream = {
  name: EVENT_STREAM,
  description: 'Plumbline: committed events, a copy of the log of the last days',
  subjects: 'pl.ev.>',
};

function atLeast(version: string, major: number, minor: number): boolean {
  const [gotMajor = 0, gotMinor = 0] = version.split('.').map(Number);
  return gotMajor > major || (gotMajor === major && gotMinor >= minor);
}

/** What the server at hand can do beyond the oldest that is supported (2.9). */
export function serverFeatures(version: string): { readonly streamMetadata: boolean } {
  return { streamMetadata: atLeast(version, 2, 10) };
}

function differences(found: StreamConfig, { subjects }: WantedStream): readonly string[] {
  const result: string[] = [];
  const { retention, storage, discard } = COPY_OF_THE_LOG;
  if (found.retention !== retention) result.push(`retention is ${found.retention}, not ${retention}`);
  if (found.storage !== storage) result.push(`storage is ${found.storage}, not ${storage}`);
  if (!found.subjects.includes(subjects)) result.push(`its subjects are ${found.subjects.join(', ')}, not ${subjects}`);
  if (found.discard !== discard) result.push(`discard is ${found.discard}, not ${discard}`);
  return result;
}

/** True for the answers of a server that mean "there is no such stream or consumer". */
export function isMissing(error: unknown): boolean {
  return error instanceof JetStreamApiError && (error.code === 10_059 || error.code === 10_014);
}

const isNameTaken = (error: unknown): boolean => error instanceof JetStreamApiError && error.code === 10_058;

/** The stream of event batches; see {@link ensureStream}. */
export function ensureEventStream(connection: NatsConnection): Promise<JetStreamManager> {
  return ensureStream(connection, WANTED);
}

/**
 * Creates a stream, or checks the one that is there. Age, size and replicas are the operator's; what delivery depends on is
 * refused when it differs, never altered.
 * @throws UpstreamError PLB-6011 when a stream of that name differs; PLB-6010 when the server did not answer.
 */
export async function ensureStream(connection: NatsConnection, wanted: WantedStream): Promise<JetStreamManager> {
  let manager: JetStreamManager;
  let found: StreamConfig;
  try {
    manager = await jetstreamManager(connection);
    found = await findOrCreate(manager, wanted, connection.info?.version ?? '');
  } catch (error) {
    throw new UpstreamError('PLB-6010', `the bus has no usable stream ${wanted.name}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const wrong = differences(found, wanted);
  if (wrong.length > 0) {
    throw new UpstreamError(
      'PLB-6011',
      `the stream ${wanted.name} of the bus was made by somebody else: ${wrong.join('; ')}. Remove it, and it is created and filled again from the log`,
    );
  }
  return manager;
}

async function findOrCreate(manager: JetStreamManager, wanted: WantedStream, version: string): Promise<StreamConfig> {
  try {
    return (await manager.streams.info(wanted.name)).config;
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  const metadata = serverFeatures(version).streamMetadata ? { metadata: { 'plumbline.dev/managed': 'true' } } : {};
  try {
    return (await manager.streams.add({ ...COPY_OF_THE_LOG, ...wanted, subjects: [wanted.subjects], ...metadata }))
      .config;
  } catch (error) {
    // Another service was faster.
    if (isNameTaken(error)) return (await manager.streams.info(wanted.name)).config;
    throw error;
  }
}
