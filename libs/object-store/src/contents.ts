// SPDX-License-Identifier: Apache-2.0
import { Digest, InputError, InvariantError, NotFoundError } from '@plumbline/core';
import type { StoredContent } from './object-store.port.js';

/**
 * Returns each content once, ordered by digest. @throws InputError PLB-1201 when a digest does not match its content.
 */
export function checkContents(contents: readonly StoredContent[]): readonly StoredContent[] {
  const unique = new Map<Digest, StoredContent>();
  for (const entry of contents) {
    if (!entry.content.isWellFormed())
      throw new InputError(
        'PLB-1201',
        `the content for ${Digest.short(entry.digest)} is not well-formed text and has no UTF-8 form`,
      );
    const actual = Digest.of(entry.content);
    if (actual !== entry.digest)
      throw new InputError('PLB-1201', `the content has digest ${actual}, not ${entry.digest}`);
    unique.set(entry.digest, entry);
  }
  return [...unique.values()].toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
}

/** Returns the text of stored bytes. @throws InvariantError PLB-9201 when they do not match the digest. */
export function readContent(digest: Digest, bytes: Uint8Array): string {
  const actual = Digest.of(bytes);
  if (actual !== digest) {
    throw new InvariantError(
      'PLB-9201',
      `the object store has content with digest ${actual} under ${digest}; restore that row from a backup, or delete it and render again`,
    );
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** Returns the error for missing content. */
export function missingContent(digest: Digest): NotFoundError {
  return new NotFoundError('PLB-3201', `the object store has no content with digest ${digest}`, {
    details: { digest },
  });
}
