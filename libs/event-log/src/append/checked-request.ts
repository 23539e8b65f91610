// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import {
  AuthError,
  canonicalJson,
  derivedId,
  InputError,
  type InputIssue,
  isTimeOrderedUuid,
  StreamName,
  uuidTimeMs,
} from '@plumbline/core';
import {
  actorViolation,
  checkNewEvent,
  currentSchemaVersions,
  eventOwners,
  mayAppend,
  type NewEvent,
  streamOf,
} from '@plumbline/events';
import type { AppendItem, AppendRequest, ExpectedRevision } from '../event-log.port.js';

/** Bytes of an event's canonical text at most: C2SP entry bundles carry the length in 16 bits. */
export const MAX_BODY_BYTES = 65_535;
/** Events of one request at most. */
export const MAX_REQUEST_EVENTS = 1_000;
/** Bytes of one request at most. */
export const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
/** How long a request id is remembered; an older one is refused because a repeat could not be recognised. */
export const REQUEST_WINDOW_MS = 30 * 24 * 3_600_000;
/** How far the clock of a caller may be ahead. */
const REQUEST_AHEAD_MS = 3_600_000;
/** Room for position, revision and recordedAt, which are known only at the append. */
const ASSIGNED_BYTES = 80;

/** One event that is ready but for position, revision and time. */
export interface CheckedEvent {
  readonly type: string;
  /** Canonical members before `occurredAt`, from the opening brace. */
  readonly prefix: string;
  readonly occurredAt: string | undefined;
  /** Canonical members from `schemaVersion` on, to the closing brace. */
  readonly suffix: string;
}

/** An item whose events passed every check that needs no state. */
export interface CheckedItem {
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly events: readonly CheckedEvent[];
}

/** A request that passed every check that needs no state. */
export interface CheckedRequest {
  readonly requestId: string;
  /** SHA-256 over what would be recorded: a repeat with the same digest is the same request. */
  readonly digest: Buffer;
  readonly items: readonly CheckedItem[];
  readonly count: number;
  readonly bytes: number;
}

function checkRequestId(requestId: string, nowMs: number): void {
  if (!isTimeOrderedUuid(requestId)) {
    throw new InputError(
      'PLB-1151',
      `request id "${String(requestId).slice(0, 64)}" is not a UUIDv7 or UUIDv8 in lower case`,
    );
  }
  const ageMs = nowMs - uuidTimeMs(requestId);
  if (ageMs > REQUEST_WINDOW_MS) {
    throw new InputError(
      'PLB-1152',
      `request id ${requestId} is older than 30 days: a repeat of it could not be recognised any more`,
      { details: { ageMs } },
    );
  }
  if (ageMs < -REQUEST_AHEAD_MS) {
    throw new InputError('PLB-1152', `request id ${requestId} is from the future: check the clock of the caller`, {
      details: { ageMs },
    });
  }
}

/** One line of text, as it goes into columns and log lines. */
const WORD = /^[^\p{Cc}]{1,300}$/u;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/;

function shapeIssues(request: AppendRequest): InputIssue[] {
  const issues: InputIssue[] = [];
  const require = (ok: boolean, path: string, message: string): void => {
    if (!ok) issues.push({ path, message });
  };
  const word = (value: unknown, path: string): void => {
    require(typeof value === 'string' &&
      WORD.test(value) &&
      value.isWellFormed(), path, 'must be 1 to 300 characters of text without control characters');
  };
  word(request.actor.id, 'actor.id');
  word(request.actor.name, 'actor.name');
  require(['user', 'service', 'agent', 'system'].includes(
    request.actor.kind,
  ), 'actor.kind', 'must be user, service, agent or system');
  if (request.causationId !== undefined) word(request.causationId, 'causationId');
  if (request.correlationId !== undefined) word(request.correlationId, 'correlationId');
  require(request.items.length > 0, 'items', 'must not be empty');
  let count = 0;
  for (const [index, item] of request.items.entries()) {
    count += item.events.length;
    require(item.events.length > 0, `items.${index}.events`, 'must not be empty');
    const { expected } = item;
    if (expected.type === 'exact') {
      require(Number.isSafeInteger(expected.revision) &&
        expected.revision >= 0, `items.${index}.expected.revision`, 'must be a whole number from 0');
    } else {
      require(['any', 'noStream', 'exists'].includes(
        expected.type,
      ), `items.${index}.expected.type`, 'must be any, noStream, exists or exact');
    }
    for (const [at, event] of item.events.entries()) {
      require(event.occurredAt === undefined ||
        TIME.test(event.occurredAt), `items.${index}.events.${at}.occurredAt`, 'must be RFC 3339 in UTC');
    }
  }
  require(count <= MAX_REQUEST_EVENTS, 'items', `must hold at most ${MAX_REQUEST_EVENTS} events`);
  return issues;
}

function checkOwner(request: AppendRequest, event: NewEvent): void {
  if (!mayAppend(request.service, event.type)) {
    throw new AuthError(
      'PLB-2101',
      `service "${request.service}" may not append ${event.type}: it belongs to "${eventOwners[event.type]}"`,
      403,
      {
        details: { type: event.type, service: request.service },
      },
    );
  }
}

function checkActor({ service, actor }: AppendRequest): void {
  const violation = actorViolation(service, actor);
  if (violation === undefined) return;
  throw new AuthError('PLB-2103', `the log rejects the append: ${violation}`, 403, {
    details: { service, actorKind: actor.kind },
  });
}

/** An event about one aggregate on the stream of another one would be folded under the wrong expected revision. */
function checkStream(stream: string, event: NewEvent): void {
  const right = streamOf(event);
  if (stream === right) return;
  throw new InputError('PLB-1154', `${event.type} belongs on stream ${right}, not on ${stream}`, {
    details: { type: event.type, stream, expected: right },
  });
}

class RequestReader {
  readonly #request: AppendRequest;

  /** What would be recorded. */
  readonly #content: string[] = [];
  readonly #actor: string;
  readonly #causation: string;
  readonly #correlation: string;
  #index = 0;
  #bytes = 0;

  constructor(request: AppendRequest) {
    this.#request = request;

    const { actor } = request;
    const causationId = request.causationId ?? request.requestId;
    this.#actor = canonicalJson({ kind: actor.kind, id: actor.id, name: actor.name });
    this.#causation = canonicalJson(causationId);
    this.#correlation = canonicalJson(request.correlationId ?? causationId);
    this.#content.push(`${this.#actor}\n${request.service}\n${this.#causation}\n${this.#correlation}\n`);
  }

  item(item: AppendItem): CheckedItem {
    const stream = StreamName.parse(item.stream);
    this.#content.push(`${stream}\n`);
    return { stream, expected: item.expected, events: item.events.map((event) => this.#event(stream, event)) };
  }

  finish(items: readonly CheckedItem[]): CheckedRequest {
    return {
      requestId: this.#request.requestId,
      digest: Buffer.from(hash('sha256', this.#content.join(''), 'hex'), 'hex'),
      items,
      count: this.#index,
      bytes: this.#bytes,
    };
  }

  #event(stream: string, given: NewEvent): CheckedEvent {
    const event = checkNewEvent(given);
    checkOwner(this.#request, event);
    checkStream(stream, event);
    const data = canonicalJson(event.data);
    this.#content.push(`${event.type}\n${data}\n`);
    const { requestId } = this.#request;
    const id = derivedId(uuidTimeMs(requestId), requestId, String(this.#index));
    const schemaVersion = currentSchemaVersions[event.type] ?? 1;
    const prefix = `{"actor":${this.#actor},"causationId":${this.#causation},"correlationId":${this.#correlation},"data":${data},"id":"${id}"`;
    const suffix = `"schemaVersion":${schemaVersion},"stream":"${stream}","type":"${event.type}"}`;
    const bytes = Buffer.byteLength(prefix) + suffix.length + ASSIGNED_BYTES + 60;
    if (bytes > MAX_BODY_BYTES) {
      throw new InputError(
        'PLB-1153',
        `${event.type} for ${stream} takes about ${bytes} bytes; an event has at most ${MAX_BODY_BYTES}: put lists into the object store and name their digest`,
        {
          details: { type: event.type, stream, bytes },
        },
      );
    }
    this.#index += 1;
    this.#bytes += bytes;
    return { type: event.type, prefix, occurredAt: event.occurredAt, suffix };
  }
}

/**
 * All checks that need no state: form and age of the request id, shape, ownership of the types, schemas, sizes.
 * the actor that the service may append for, and that each event is on the stream of the aggregate that it is about.
 * @throws InputError PLB-1150…1154, PLB-11xx of the schemas; AuthError PLB-2101, PLB-2103.
 */
export function checkRequest(
  request: AppendRequest,
  nowMs: number,
  how: { readonly sealed: boolean } = { sealed: false },
): CheckedRequest {
  checkRequestId(request.requestId, nowMs);
  // A name that was sealed since its shape was found good may be longer than people's names.
  const issues = how.sealed ? [] : shapeIssues(request);
  if (issues.length > 0) throw new InputError('PLB-1150', `append ${request.requestId} is not well formed`, { issues });
  checkActor(request);
  const reader = new RequestReader(request);
  const checked = reader.finish(request.items.map((item) => reader.item(item)));
  if (checked.bytes > MAX_REQUEST_BYTES) {
    throw new InputError(
      'PLB-1150',
      `append ${request.requestId} takes ${checked.bytes} bytes; at most ${MAX_REQUEST_BYTES} are taken`,
    );
  }
  return checked;
}
