// SPDX-License-Identifier: Apache-2.0
import { InputError, messageOf } from '@plumbline/core';
import type { Actor, NewEvent, ServiceName } from '@plumbline/events';
import type { AppendItem, AppendPlacement, AppendRequest, ExpectedRevision } from '../event-log.port.js';
import type { RawAppendResult } from '../raw-log.js';
import type * as wire from './generated/plumbline/internal/v1/log.js';

/** JSON as the bytes that travel. */
export function jsonBytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** JSON from the bytes that travelled. @throws InputError PLB-1156 */
export function parseJsonBytes(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  } catch (error) {
    throw new InputError('PLB-1156', `${what} is not JSON: ${messageOf(error)}`, { cause: error });
  }
}

function expectedToWire(expected: ExpectedRevision): wire.AppendItem['expected'] {
  switch (expected.type) {
    case 'any':
      return { $case: 'any', value: {} };
    case 'noStream':
      return { $case: 'noStream', value: {} };
    case 'exists':
      return { $case: 'exists', value: {} };
    case 'exact':
      return { $case: 'exact', value: expected.revision };
  }
}

function expectedFromWire(item: wire.AppendItem): ExpectedRevision {
  const { expected } = item;
  if (expected === undefined)
    throw new InputError('PLB-1156', `the append to ${item.stream} does not say which revision it expects`);
  return expected.$case === 'exact' ? { type: 'exact', revision: expected.value } : { type: expected.$case };
}

/** The request as it travels. @throws InputError PLB-1156 for a revision that a message cannot carry */
export function appendToWire(request: AppendRequest): wire.AppendRequest {
  return {
    requestId: request.requestId,
    actor: { kind: request.actor.kind, id: request.actor.id, name: request.actor.name },
    service: request.service,
    causationId: request.causationId,
    correlationId: request.correlationId,
    items: request.items.map((item) => ({
      stream: item.stream,
      expected: expectedToWire(item.expected),
      events: item.events.map((event) => ({
        type: event.type,
        data: jsonBytes(event.data),
        occurredAt: event.occurredAt,
      })),
    })),
  };
}

function itemFromWire(item: wire.AppendItem): AppendItem {
  return {
    stream: item.stream,
    expected: expectedFromWire(item),
    // Types and data are checked against the schemas by the log itself.
    events: item.events.map(
      (event) =>
        ({
          type: event.type,
          data: parseJsonBytes(event.data, `data of ${event.type}`),
          ...(event.occurredAt === undefined ? {} : { occurredAt: event.occurredAt }),
        }) as unknown as NewEvent,
    ),
  };
}

/** The request that travelled; the log checks what it says. @throws InputError PLB-1156 when parts are missing */
export function appendFromWire(message: wire.AppendRequest): AppendRequest {
  const { actor } = message;
  if (actor === undefined) throw new InputError('PLB-1156', `append ${message.requestId} names no actor`);
  return {
    requestId: message.requestId,
    actor: { kind: actor.kind as Actor['kind'], id: actor.id, name: actor.name },
    service: message.service as ServiceName,
    ...(message.causationId === undefined ? {} : { causationId: message.causationId }),
    ...(message.correlationId === undefined ? {} : { correlationId: message.correlationId }),
    items: message.items.map(itemFromWire),
  };
}

/** The result as it travels. */
export function resultToWire(result: RawAppendResult): wire.AppendResponse {
  return {
    duplicate: result.duplicate,
    firstPosition: result.firstPosition,
    lastPosition: result.lastPosition,
    recordedAt: result.recordedAt,
    revisions: Object.entries(result.revisions).map(([stream, revision]) => ({ stream, revision })),
    events: result.bodies.map(({ body }) => Buffer.from(body)),
  };
}

/** Positions and revisions of the result that travelled. */
export function placementFromWire(message: wire.AppendResponse): AppendPlacement {
  return {
    duplicate: message.duplicate,
    firstPosition: message.firstPosition,
    lastPosition: message.lastPosition,
    recordedAt: message.recordedAt,
    revisions: Object.fromEntries(message.revisions.map(({ stream, revision }) => [stream, revision])),
  };
}
