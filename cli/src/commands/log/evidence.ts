// SPDX-License-Identifier: Apache-2.0
import type { PlumblineClient } from '@plumbline/api-client';
import type { RecordedEvent } from '@plumbline/events';
import { entryAt, inclusionProof, type LogFiles, openCheckpoint, type VerifierKey } from '@plumbline/merkle';
import { CommandError, ExitCode } from '../../exit-code.js';

/** Format of an evidence file. */
export const EVIDENCE = 'plumbline.evidence/v1';

/** Everything about one change, each event with the proof that it is in the signed log. */
export interface Evidence {
  readonly format: typeof EVIDENCE;
  readonly origin: string;
  /** Verifier key of the log: compare it with one from another source. */
  readonly key: string;
  /** The signed note that all proofs lead to. */
  readonly checkpoint: string;
  readonly correlationIds: readonly string[];
  /** What happened, one line each; derived from the events, by the exporter and by the verifier. */
  readonly summary: readonly string[];
  readonly events: readonly {
    readonly position: number;
    /** Stored text, byte for byte as hashed. */
    readonly entry: string;
    /** From the leaf to the root, base64. */
    readonly proof: readonly string[];
  }[];
}

/** Which change is asked for. */
export interface ChangeQuery {
  readonly correlation?: string;
  readonly application?: string;
  readonly version?: number;
}

async function audited(
  client: PlumblineClient,
  query: Parameters<PlumblineClient['audit']>[0],
): Promise<readonly RecordedEvent[]> {
  const found: RecordedEvent[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.audit({
      ...query,
      order: 'asc',
      limit: 200,
      ...(cursor === undefined ? {} : { cursor }),
    });
    found.push(...page.events);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return found;
}

const field = (event: RecordedEvent, name: string): unknown => Reflect.get(event.data, name);

/**
 * Ids that the events of a change share: one for the change itself, more when it was approved, rolled back or synced
 * again on request.
 */
async function correlationsOf(
  client: PlumblineClient,
  { correlation, application, version }: ChangeQuery,
): Promise<readonly string[]> {
  if (correlation !== undefined) return [correlation];
  if (application === undefined || version === undefined)
    throw new CommandError(ExitCode.usage, 'say which change: --correlation, or --application with --version');
  const id = application.includes('/') ? application : `default/${application}`;
  const events = await audited(client, { application: id });
  return [
    ...new Set(events.filter((event) => field(event, 'version') === version).map(({ correlationId }) => correlationId)),
  ];
}

/**
 * Collects the evidence of a change. The server is asked which events belong to it; that they are in the log is
 * proved.
 */
export async function evidenceOf(
  client: PlumblineClient,
  log: { readonly files: LogFiles; readonly key: VerifierKey },
  query: ChangeQuery,
): Promise<Evidence> {
  const correlationIds = await correlationsOf(client, query);
  const found = (await Promise.all(correlationIds.map((correlationId) => audited(client, { correlationId })))).flat();
  const events = found.toSorted((a, b) => a.position - b.position);
  const last = events.at(-1);
  if (last === undefined) throw new CommandError(ExitCode.notFound, 'no event belongs to that change');
  const note = await log.files.checkpoint();
  const { origin, size } = openCheckpoint(note, log.key);
  if (last.position >= size)
    throw new CommandError(
      ExitCode.failed,
      `the event at position ${last.position} is not signed yet: try again in a second`,
    );
  const proved = await Promise.all(
    events.map(async ({ position }) => ({
      position,
      entry: (await entryAt(log.files, position, size)).toString('utf8'),
      proof: (await inclusionProof(position, size, (tile) => log.files.tile(tile))).map((hash) =>
        hash.toString('base64'),
      ),
    })),
  );
  return {
    format: EVIDENCE,
    origin,
    key: log.key.text,
    checkpoint: note,
    correlationIds,
    summary: summaryOf(events),
    events: proved,
  };
}

const text = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';

function place(event: RecordedEvent): string {
  return ['application', 'environment', 'cluster']
    .map((name) => text(field(event, name)))
    .filter((part) => part !== '')
    .join('/');
}

/** Commits, digests, decisions, approvals and outcomes among the events, a line each. */
export function summaryOf(events: readonly RecordedEvent[]): readonly string[] {
  return events.flatMap((event) => {
    const line = (what: string, ...facts: readonly unknown[]): readonly string[] => [
      [what.padEnd(9), place(event), ...facts.map(text), `by ${event.actor.name} at ${event.recordedAt}`]
        .filter((part) => part !== '')
        .join(' '),
    ];
    switch (event.type) {
      case 'RevisionObserved':
        return line('commit', event.data.repository, event.data.revision, event.data.commit.author.email);
      case 'VersionRendered':
        return line('rendered', `version ${event.data.version}`, event.data.renderDigest);
      case 'PolicyEvaluated':
      case 'VersionReleased':
      case 'VersionBlocked':
      case 'VersionRejected':
      case 'VersionSuperseded':
        return line(
          'decision',
          event.type,
          `version ${text(field(event, 'version'))}`,
          field(event, 'reason'),
          event.type === 'VersionReleased' ? `signed by ${event.data.keyId}` : '',
        );
      case 'ApprovalRequested':
      case 'ApprovalSubmitted':
      case 'ApprovalGranted':
      case 'ApprovalRefused':
        return line('approval', event.type, `version ${text(field(event, 'version'))}`, field(event, 'reason'));
      case 'SyncCompleted':
        return line('outcome', event.data.result, event.data.reason, `version ${event.data.version}`);
      case 'HealthChanged':
        return line('health', field(event, 'health'));
      default:
        return [];
    }
  });
}
