// SPDX-License-Identifier: Apache-2.0
import { canonicalJson, Digest } from '@plumbline/core';
import type { ChangeAction, ChangeList, ObjectChange } from '@plumbline/events';
import type { StoredContent } from '@plumbline/object-store';

const MAX_INLINE = 100;
const MAX_INLINE_BYTES = 24_000;
const MAX_MESSAGE = 1_000;

const URGENCY: readonly ChangeAction[] = [
  'Failed',
  'Refused',
  'PendingDeletion',
  'Skipped',
  'Pruned',
  'Released',
  'Recreated',
  'Created',
  'Adopted',
  'Configured',
  'Unverified',
  'Unchanged',
];

/** Returns outcomes as events carry them, and the content with the complete list, which must be stored first. */
export function changeList(changes: readonly ObjectChange[]): {
  readonly list: ChangeList;
  readonly blob: StoredContent;
} {
  const counts: Partial<Record<ChangeAction, number>> = {};
  for (const { action } of changes) counts[action] = (counts[action] ?? 0) + 1;
  const sorted = [...changes].sort(
    (a, b) => URGENCY.indexOf(a.action) - URGENCY.indexOf(b.action) || (a.key < b.key ? -1 : 1),
  );
  const content = canonicalJson({ changes: sorted });
  const digest = Digest.of(content);
  const inline: ObjectChange[] = [];
  let bytes = 0;
  for (const change of sorted) {
    const short = shortened(change);
    bytes += Buffer.byteLength(JSON.stringify(short));
    if (inline.length >= MAX_INLINE || bytes > MAX_INLINE_BYTES) break;
    inline.push(short);
  }
  return { list: { counts, digest, inline, truncated: inline.length < changes.length }, blob: { digest, content } };
}

function shortened(change: ObjectChange): ObjectChange {
  const { message, fields } = change;
  return {
    ...change,
    ...(message !== undefined && message.length > MAX_MESSAGE ? { message: `${message.slice(0, MAX_MESSAGE)}…` } : {}),
    ...(fields !== undefined && fields.length > 30
      ? { fields: [...fields.slice(0, 30), `… and ${fields.length - 30} more`] }
      : {}),
  };
}

/** Returns counts as a text: `3 created, 1 failed`. */
export function summary(changes: readonly ObjectChange[]): string {
  const counts = new Map<ChangeAction, number>();
  for (const { action } of changes) counts.set(action, (counts.get(action) ?? 0) + 1);
  const words = URGENCY.filter((action) => counts.has(action)).map(
    (action) => `${counts.get(action) ?? 0} ${WORDS[action]}`,
  );
  return words.length === 0 ? 'no objects' : words.join(', ');
}

const WORDS: Readonly<Record<ChangeAction, string>> = {
  Created: 'created',
  Configured: 'configured',
  Unchanged: 'unchanged',
  Adopted: 'adopted',
  Recreated: 'recreated',
  Pruned: 'pruned',
  PendingDeletion: 'waiting for deletion',
  Released: 'released',
  Skipped: 'skipped',
  Refused: 'refused',
  Failed: 'failed',
  Unverified: 'unverified',
};
