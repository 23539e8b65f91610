// SPDX-License-Identifier: Apache-2.0
import { verify } from 'node:crypto';
import { eventFromJson, type RecordedEvent } from '@plumbline/events';
import { HASH_BYTES, InclusionChecker, leafHash, type VerifierKey } from '@plumbline/merkle';
import { subjectToken, typeTokenOf } from '../event-subject.js';
import { groupText, Header } from './headers.js';

/**
 * Why a message is discarded. `forged`: no signature of the log; `altered`: not what the log has signed;
 * `beyond_head`: without a
 * signature, for a position that the log has not reached as far as this process knows; `replayed`: verified, but
 * delivered before;
 * `malformed`: not a message of an event at all.
 */
export const DiscardReason = ['forged', 'altered', 'beyond_head', 'replayed', 'malformed'] as const;
/** One of {@link DiscardReason}. */
export type DiscardReason = (typeof DiscardReason)[number];

/** A message as it came. */
export interface ReceivedMessage {
  readonly subject: string;
  readonly header: (name: string) => string | undefined;
  readonly body: Uint8Array;
}

/** An event that the log has recorded. */
export interface VerifiedEvent {
  readonly position: number;
  readonly type: string;
  /**
   * Undefined for an event that must be read from the log: some of its fields are sealed, or this build cannot decode
   * it.
   */
  readonly event: RecordedEvent | undefined;
}

/** A message that must not be acted upon. */
export interface DiscardedMessage {
  readonly reason: DiscardReason;
  /** Holds nothing of the message but what is checked to be a number. */
  readonly detail: string;
}

interface Group {
  readonly first: number;
  readonly last: number;
  readonly root: string;
  readonly signature: string | undefined;
}

/** Groups whose signature is known to be good; a group is under way for milliseconds. */
const KNOWN_GROUPS = 64;
/** How much of a group there can be at most: far more than a writer commits at once. */
const MAX_GROUP = 1_000_000;
const MAX_PATH = 20;
const HASH_CHARS = 44;
/** What begins a sealed value in the text of an event. */
const SEALED = '"plumbline.personal.v1:';

class Discarded extends Error {
  constructor(
    readonly reason: DiscardReason,
    message: string,
  ) {
    super(message);
  }
}

function wholeNumber(text: string | undefined, what: string): number {
  if (text === undefined || !/^\d{1,16}$/.test(text)) throw new Discarded('malformed', `it has no ${what}`);
  return Number(text);
}

function groupOf(message: ReceivedMessage): Group {
  const [, first, last] = /^(\d{1,16})-(\d{1,16})$/.exec(message.header(Header.group) ?? '') ?? [];
  const group = {
    first: wholeNumber(first, 'group'),
    last: wholeNumber(last, 'group'),
    root: message.header(Header.root) ?? '',
    signature: message.header(Header.signature),
  };
  if (group.last < group.first || group.last - group.first >= MAX_GROUP || group.root.length !== HASH_CHARS)
    throw new Discarded('malformed', 'its group is not one');
  return group;
}

function pathOf(message: ReceivedMessage): readonly Buffer[] {
  const text = message.header(Header.proof) ?? '';
  if (text.length > MAX_PATH * HASH_CHARS) throw new Discarded('malformed', 'its proof is too long');
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length % HASH_BYTES !== 0) throw new Discarded('malformed', 'its proof is not one');
  return Array.from({ length: bytes.length / HASH_BYTES }, (_, index) =>
    bytes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES),
  );
}

/**
 * Tells messages of events that the log has recorded from all others. The signature is verified once for each group,
 * then every event
 * by its inclusion path.
 */
export class MessageVerifier {
  readonly #keys: readonly VerifierKey[] | undefined;
  readonly #groups = new Map<string, InclusionChecker>();
  #highest = -1;

  /**
   * @param keys public keys of the log, the present one and former ones; undefined where nobody but the log can
   * publish
   */
  constructor(keys: readonly VerifierKey[] | undefined) {
    this.#keys = keys;
  }

  /** Returns the event, or why the message is discarded. Never throws. */
  check(message: ReceivedMessage): VerifiedEvent | DiscardedMessage {
    try {
      return this.#check(message);
    } catch (error) {
      if (error instanceof Discarded) return { reason: error.reason, detail: error.message };
      return { reason: 'malformed', detail: 'its text is not an event' };
    }
  }

  #check(message: ReceivedMessage): VerifiedEvent {
    const typeToken = typeTokenOf(message.subject);
    if (typeToken === undefined) throw new Discarded('malformed', 'its subject is not one of an event');
    const position = wholeNumber(message.header(Header.position), 'position');
    const revision = wholeNumber(message.header(Header.revision), 'revision');
    const group = groupOf(message);
    if (position < group.first || position > group.last)
      throw new Discarded('malformed', `position ${position} is not in its group ${group.first}-${group.last}`);
    const path = pathOf(message);
    const checker = this.#checkerOf(group, position);
    if (!checker.includes(position - group.first, leafHash(message.body), path))
      throw new Discarded('altered', `the log has recorded something else at position ${position}`);
    this.#highest = Math.max(this.#highest, group.last);
    return this.#read(message, { position, revision, typeToken });
  }

  #read(
    message: ReceivedMessage,
    claimed: { readonly position: number; readonly revision: number; readonly typeToken: string },
  ): VerifiedEvent {
    const { body } = message;
    const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
    const json: unknown = JSON.parse(text);
    const member = (name: string): unknown =>
      typeof json === 'object' && json !== null ? Reflect.get(json, name) : undefined;
    const type = member('type');
    const fits =
      typeof type === 'string' &&
      subjectToken(type) === claimed.typeToken &&
      member('position') === claimed.position &&
      member('revision') === claimed.revision;
    if (!fits)
      throw new Discarded('altered', `its subject or its headers are not those of position ${claimed.position}`);
    const event = text.includes(SEALED) ? undefined : decoded(json);
    return { position: claimed.position, type, event };
  }

  #checkerOf(group: Group, position: number): InclusionChecker {
    const { first, last, root, signature } = group;
    const name = `${first}-${last} ${root} ${signature ?? ''}`;
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    if (this.#keys !== undefined && !this.#isSigned(group)) {
      const beyond = this.#highest >= 0 && position > this.#highest + 1;
      throw new Discarded(beyond ? 'beyond_head' : 'forged', `position ${position} has no signature of the log`);
    }
    const made = new InclusionChecker(last - first + 1, Buffer.from(root, 'base64'));
    this.#groups.set(name, made);
    for (const oldest of this.#groups.keys()) {
      if (this.#groups.size <= KNOWN_GROUPS) break;
      this.#groups.delete(oldest);
    }
    return made;
  }

  #isSigned({ first, last, root, signature }: Group): boolean {
    if (signature === undefined) return false;
    const bytes = Buffer.from(signature, 'base64');
    return (
      this.#keys?.some(({ name, publicKey }) =>
        verify(undefined, Buffer.from(groupText(name, first, last, root)), publicKey, bytes),
      ) === true
    );
  }
}

function decoded(json: unknown): RecordedEvent | undefined {
  try {
    return eventFromJson(json);
  } catch {
    // The log hands it to its reader, who knows what to do with an event that cannot be decoded.
    return undefined;
  }
}
