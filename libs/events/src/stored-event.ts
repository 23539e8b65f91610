// SPDX-License-Identifier: Apache-2.0
import { messageOf } from '@plumbline/core';
import { decodeEvent } from './codec.js';
import type { RecordedEvent } from './event.js';

/** A stored event that this build cannot read. The fields are as far as they could be read from the text. */
export interface UndecodableEvent {
  readonly type: 'Undecodable';
  readonly position: number;
  readonly originalType: string | undefined;
  readonly stream: string | undefined;
  readonly revision: number | undefined;
  /** Why the event cannot be read. Holds no part of its data. */
  readonly message: string;
}

/** What a stored text contains: an event, or the reason why it cannot be read. */
export type StoredEvent = RecordedEvent | UndecodableEvent;

/**
 * Reads the canonical text of an event. Never throws: a text that is not JSON, a wrong envelope and an upcaster that
 * throws are
 * returned as an {@link UndecodableEvent}. `position` is where the log has the text.
 */
export function readStoredEvent(position: number, body: string, decode = decodeEvent): StoredEvent {
  try {
    const event = decode(body);
    if (event.position !== position) throw new TypeError(`its text says position ${event.position}`);
    return event;
  } catch (error) {
    const parts = parsed(body);
    // What a JSON parser says about a text quotes the text.
    const message = parts === undefined ? 'the stored text is not JSON' : messageOf(error).slice(0, 1_000);
    return { type: 'Undecodable', position, ...partsOf(parts), message };
  }
}

function partsOf(parts: unknown): Pick<UndecodableEvent, 'originalType' | 'stream' | 'revision'> {
  const member = (name: string): unknown =>
    typeof parts === 'object' && parts !== null ? Reflect.get(parts, name) : undefined;
  const [type, stream, revision] = [member('type'), member('stream'), member('revision')];
  return {
    originalType: typeof type === 'string' ? type : undefined,
    stream: typeof stream === 'string' ? stream : undefined,
    revision: typeof revision === 'number' && Number.isSafeInteger(revision) ? revision : undefined,
  };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // Not JSON: nothing can be read from it.
    return undefined;
  }
}
