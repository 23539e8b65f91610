// SPDX-License-Identifier: Apache-2.0
import type { CommitInfo } from '@plumbline/events';

/** The `git log` format that {@link parseCommits} reads. */
export const COMMIT_FORMAT =
  '--format=%H%x00%an%x00%ae%x00%cn%x00%ce%x00%at%x00%ct%x00%(trailers:key=Co-authored-by,valueonly,unfold,separator=%x01)%x00%s%x02';

const PERSON = /^(.*?)\s*<([^<>]*)>$/;
const isoTime = (seconds: string): string => new Date(Number(seconds) * 1_000).toISOString();

/** Parses the output of `git log` with {@link COMMIT_FORMAT}. */
export function parseCommits(output: string): CommitInfo[] {
  return output.split('\u0002').flatMap((record) => {
    const [
      sha = '',
      author = '',
      authorEmail = '',
      committer = '',
      committerEmail = '',
      authoredAt = '',
      committedAt = '',
      trailers = '',
      ...subject
    ] = record.replace(/^\n/, '').split('\0');
    if (sha === '') return [];
    const coAuthors = trailers.split('\u0001').flatMap((trailer) => {
      const person = PERSON.exec(trailer.trim());
      return person === null ? [] : [{ name: person[1] ?? '', email: person[2] ?? '' }];
    });
    return [
      {
        sha,
        author: { name: author, email: authorEmail },
        committer: { name: committer, email: committerEmail },
        coAuthors,
        message: subject.join('').slice(0, 2_000),
        authoredAt: isoTime(authoredAt),
        committedAt: isoTime(committedAt),
      },
    ];
  });
}
