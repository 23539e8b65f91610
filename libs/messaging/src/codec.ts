// SPDX-License-Identifier: Apache-2.0
import { InvariantError, messageOf } from '@plumbline/core';
import { currentSchemaVersions, eventFromJson, type RecordedEvent } from '@plumbline/events';
import type { EventEnvelopeBatch } from './bus.port.js';

/** Data in memory has today's form, whatever was stored, so it leaves under today's version; what this build does not know leaves as it came. */
function wireForm(event: RecordedEvent): unknown {
  if (event.type === 'Unknown') return { ...event, type: event.data.originalType, data: event.data.raw };
  return { ...event, schemaVersion: currentSchemaVersions[event.type] ?? 1 };
}

function encode(shard: number, texts: readonly string[]): Uint8Array {
  return Buffer.from(`{"shard":${shard},"events":[${texts.join(',')}]}`);
}

/** The bytes that a bus carries. */
export function encodeBatch(batch: EventEnvelopeBatch): Uint8Array {
  return encode(
    batch.shard,
    batch.events.map((event) => JSON.stringify(wireForm(event))),
  );
}

/** An encoded batch and the positions it covers. */
export interface EncodedBatch {
  readonly firstPosition: number;
  readonly lastPosition: number;
  readonly bytes: Uint8Array;
}

const FRAME_BYTES = 64;

/** As {@link encodeBatch}, in pieces of at most `maxBytes`. Equal batches are cut at equal places, so a repetition is recognised. */
export function encodeInPieces(batch: EventEnvelopeBatch, maxBytes: number): readonly EncodedBatch[] {
  const pieces: EncodedBatch[] = [];
  let texts: string[] = [];
  let sizeBytes = FRAME_BYTES;
  let first = batch.firstPosition;
  const close = (last: number): void => {
    pieces.push({ firstPosition: first, lastPosition: last, bytes: encode(batch.shard, texts) });
    texts = [];
    sizeBytes = FRAME_BYTES;
    first = last + 1;
  };
  for (const event of batch.events) {
    const text = JSON.stringify(wireForm(event));
    const textBytes = Buffer.byteLength(text) + 1;
    if (texts.length > 0 && sizeBytes + textBytes > maxBytes) close(event.position - 1);
    texts.push(text);
    sizeBytes += textBytes;
  }
  if (texts.length > 0) close(batch.lastPosition);
  return pieces;
}

/**
 * Reads what {@link encodeBatch} wrote.
 * @throws InvariantError PLB-9110 when the bytes are not a batch.
 */
export function decodeBatch(bytes: Uint8Array): EventEnvelopeBatch {
  try {
    const json: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
    if (typeof json !== 'object' || json === null || !('shard' in json) || !('events' in json))
      throw new TypeError('no shard or no events');
    const { shard, events } = json;
    if (typeof shard !== 'number' || !Array.isArray(events)) throw new TypeError('shard or events of a wrong kind');
    const decoded = events.map(eventFromJson);
    const first = decoded[0];
    const last = decoded.at(-1);
    if (first === undefined || last === undefined) throw new TypeError('no event in it');
    return { shard, firstPosition: first.position, lastPosition: last.position, events: decoded };
  } catch (error) {
    throw new InvariantError('PLB-9110', `a message of the bus is not a batch of events: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
