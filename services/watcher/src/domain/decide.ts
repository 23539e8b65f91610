// SPDX-License-Identifier: Apache-2.0
import type { WatcherState } from './state.js';

/** What a fetch means for the log. */
export type Finding =
  /** The ref leads somewhere else than the log says (or is back). */
  | { readonly type: 'moved'; readonly ref: string; readonly revision: string; readonly previous: string | undefined }
  | { readonly type: 'missing'; readonly ref: string; readonly message: string }
  | { readonly type: 'recovered' };

/**
 * Returns what the refs of a fetch change, so that an unchanged repository appends nothing. An undefined revision
 * means that there is no such ref.
 */
export function decideFetched(
  state: WatcherState,
  repository: string,
  resolved: ReadonlyMap<string, string | undefined>,
): readonly Finding[] {
  const view = state.repository(repository);
  if (view === undefined) return [];
  const findings: Finding[] = [];
  for (const [ref, revision] of resolved) {
    const known = view.refs[ref];
    const wasMissing = state.isMissing(repository, ref);
    if (revision === undefined) {
      if (!wasMissing)
        findings.push({ type: 'missing', ref, message: missingMessage(repository, ref, known?.revision) });
    } else if (known === undefined || known.revision !== revision || wasMissing) {
      findings.push({ type: 'moved', ref, revision, previous: known?.revision });
    }
  }
  // An observation says by itself that the repository answers.
  if (view.connection.state !== 'Ready' && findings.length === 0) findings.push({ type: 'recovered' });
  return findings;
}

function missingMessage(repository: string, ref: string, revision: string | undefined): string {
  const kept =
    revision === undefined
      ? 'nothing is deployed from it'
      : `the last good revision ${revision.slice(0, 12)} stays in force`;
  return `repository ${repository} has no branch, tag or full commit id "${ref}"; ${kept}`;
}

/** True when the log does not say that the repository is unreachable, or says another reason. */
export function isNewFailure(state: WatcherState, repository: string, reason: string): boolean {
  const connection = state.repository(repository)?.connection;
  return connection !== undefined && (connection.state !== 'Unreachable' || connection.reason !== reason);
}
