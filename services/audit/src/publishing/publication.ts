// SPDX-License-Identifier: Apache-2.0
import type { CommittedRange, StoredBody } from '@plumbline/event-log';
import { type EventMessage, groupMessages } from '@plumbline/messaging';
import type { NoteSigner } from '@plumbline/merkle';

/** Messages that are handed to the publisher at once, at most; a larger commit goes alone. */
const MAX_MESSAGES = 1_000;

/** A part of the log that is published at once. */
export interface Publication {
  readonly messages: readonly EventMessage[];
  /** One above the last position. */
  readonly next: number;
}

/** What a publication is made of. */
export interface PublicationSource {
  /** Every stored event of a commit, in order. */
  readonly bodiesOf: (commit: CommittedRange) => Promise<readonly StoredBody[]>;
  readonly signer: NoteSigner | undefined;
}

/**
 * Messages of whole commits, with the signature of the log for each, as far as they fit. Positions below `from` are
 * left out, which
 * were published before, but signed with the rest of their commit: a repetition is the same message.
 */
export async function* publicationsOf(
  commits: readonly CommittedRange[],
  from: number,
  { bodiesOf, signer }: PublicationSource,
): AsyncGenerator<Publication, void> {
  let messages: EventMessage[] = [];
  let next = from;
  for (const commit of commits) {
    const group = await groupMessages(await bodiesOf(commit), signer);
    if (messages.length > 0 && messages.length + group.length > MAX_MESSAGES) {
      yield { messages, next };
      messages = [];
    }
    messages.push(...group.filter(({ position }) => position >= from));
    next = commit.lastPosition + 1;
  }
  if (messages.length > 0) yield { messages, next };
}
