// SPDX-License-Identifier: Apache-2.0
import type { RecordedEvent } from '@plumbline/events';
import { leafHash, LeafTree, type NoteSigner } from '@plumbline/merkle';
import type { EventMessage } from '../event-publisher.port.js';
import { eventSubject } from '../event-subject.js';
import { groupText, Header } from './headers.js';

/** A stored event. */
export interface StoredText {
  readonly position: number;
  /** Canonical text as it is hashed. */
  readonly body: string;
}

interface StoredEnvelope {
  readonly id: string;
  readonly type: string;
  readonly revision: number;
  readonly stream: string;
  readonly correlationId: string;
  readonly actor: RecordedEvent['actor'];
  readonly data: unknown;
}

/** Everything that a subject is made from, whatever the type: what a newer writer has stored is published too. */
function subjectOf(stored: StoredEnvelope): string {
  const event = { ...stored, type: 'Unknown', data: { originalType: stored.type, raw: stored.data } };
  return eventSubject(event as unknown as RecordedEvent);
}

/** `traceparent` of everything that follows from one cause: the trace id is the correlation id. */
function traceHeader({ id, correlationId }: StoredEnvelope): Readonly<Record<string, string>> {
  const [trace, span] = [correlationId, id].map((text) => text.replaceAll('-', '').toLowerCase());
  if (trace === undefined || span === undefined) return {};
  if (!/^(?!0{32})[0-9a-f]{32}$/.test(trace) || !/^[0-9a-f]{16}(?!0{16})[0-9a-f]{16}$/.test(span)) return {};
  return { [Header.trace]: `00-${trace}-${span.slice(16)}-01` };
}

/**
 * The messages of all events of one commit. The same commit always gives the same messages.
 * @param group the stored events of the commit, in order and without gaps
 * @param signer the key of the log; without it the messages are for a process of their own
 */
export async function groupMessages(
  group: readonly StoredText[],
  signer: NoteSigner | undefined,
): Promise<readonly EventMessage[]> {
  const [first, last] = [group[0], group.at(-1)];
  if (first === undefined || last === undefined) return [];
  const texts = group.map(({ body }) => Buffer.from(body));
  const tree = new LeafTree(texts.map(leafHash));
  const root = tree.root().toString('base64');
  const shared: Record<string, string> = {
    [Header.group]: `${first.position}-${last.position}`,
    [Header.root]: root,
  };
  if (signer !== undefined) {
    const text = groupText(signer.key.name, first.position, last.position, root);
    shared[Header.signature] = (await signer.sign(Buffer.from(text))).toString('base64');
  }
  const suffix = tree.root().toString('hex').slice(0, 16);
  return group.map(({ position, body }, index) => {
    const stored = JSON.parse(body) as StoredEnvelope;
    return {
      subject: subjectOf(stored),
      position,
      id: `${position}-${suffix}`,
      headers: {
        ...shared,
        [Header.position]: String(position),
        [Header.revision]: String(stored.revision),
        [Header.proof]: Buffer.concat(tree.path(index)).toString('base64'),
        ...traceHeader(stored),
      },
      body: texts[index] ?? Buffer.alloc(0),
    };
  });
}
