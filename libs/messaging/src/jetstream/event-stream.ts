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
import { SUBJECT_PREFIX } from '../event-subject.js';

/** Name of the stream of events. */
export const EVENT_STREAM = 'PLUMBLINE_EVENTS';
/**
 * Streams of earlier versions: batches of events, and events as CloudEvents. They empty themselves within seven days.
 */
export const FORMER_STREAMS = ['PL_EV', 'PL_OUT'] as const;

const DAY_NANOS = 24 * 60 * 60 * 1e9;
const SUBJECTS = `${SUBJECT_PREFIX}.>`;

/** A copy of the last days of the log, from which the oldest messages are removed first. */
const WANTED = {
  name: EVENT_STREAM,
  description: 'Plumbline: recorded events, a copy of the last days of the log',
  subjects: [SUBJECTS],
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  discard: DiscardPolicy.Old,
  max_age: 7 * DAY_NANOS,
  duplicate_window: 120 * 1e9,
  allow_direct: true,
} satisfies Partial<StreamConfig>;

/** True from a version of nats-server on. */
export function isAtLeast(version: string, major: number, minor: number): boolean {
  const [gotMajor = 0, gotMinor = 0] = version.split('.').map(Number);
  return gotMajor > major || (gotMajor === major && gotMinor >= minor);
}

/** True for the answers of a server that mean "there is no such stream or consumer". */
export function isMissing(error: unknown): boolean {
  return error instanceof JetStreamApiError && (error.code === 10_059 || error.code === 10_014);
}

const isNameTaken = (error: unknown): boolean => error instanceof JetStreamApiError && error.code === 10_058;

function differences(found: StreamConfig): readonly string[] {
  const { retention, storage, discard } = WANTED;
  return [
    ...(found.retention === retention ? [] : [`retention is ${found.retention}, not ${retention}`]),
    ...(found.storage === storage ? [] : [`storage is ${found.storage}, not ${storage}`]),
    ...(found.subjects.includes(SUBJECTS) ? [] : [`its subjects are ${found.subjects.join(', ')}, not ${SUBJECTS}`]),
    ...(found.discard === discard ? [] : [`discard is ${found.discard}, not ${discard}`]),
  ];
}

/**
 * Creates the stream of events, or checks the one that exists. Age, size and replicas are the operator's; a
 * difference that delivery
 * depends on is refused, never altered.
 * @throws UpstreamError PLB-6011 when a stream of that name differs; PLB-6010 when the server did not answer.
 */
export async function ensureEventStream(connection: NatsConnection): Promise<JetStreamManager> {
  let manager: JetStreamManager;
  let found: StreamConfig;
  try {
    manager = await jetstreamManager(connection, { checkAPI: false });
    found = await findOrCreate(manager, connection.info?.version ?? '');
  } catch (error) {
    throw new UpstreamError('PLB-6010', `NATS has no usable stream ${EVENT_STREAM}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const wrong = differences(found);
  if (wrong.length > 0) {
    throw new UpstreamError(
      'PLB-6011',
      `the stream ${EVENT_STREAM} was not created by Plumbline: ${wrong.join('; ')}; remove it, and it is created again`,
    );
  }
  return manager;
}

async function findOrCreate(manager: JetStreamManager, version: string): Promise<StreamConfig> {
  try {
    return (await manager.streams.info(EVENT_STREAM)).config;
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  // Metadata of streams exist since 2.10.
  const metadata = isAtLeast(version, 2, 10) ? { metadata: { 'plumbline.dev/managed': 'true' } } : {};
  try {
    return (await manager.streams.add({ ...WANTED, ...metadata })).config;
  } catch (error) {
    // Another replica was faster.
    if (isNameTaken(error)) return (await manager.streams.info(EVENT_STREAM)).config;
    throw error;
  }
}
