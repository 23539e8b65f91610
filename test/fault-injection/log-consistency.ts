// SPDX-License-Identifier: Apache-2.0
import { Frontier, leafHash, openCheckpoint, type VerifierKey } from '@plumbline/merkle';
import type { Acknowledged } from './producers.js';
import type { LogCluster } from './log-cluster.js';

/** Consistency of a log after faults. Every list must be empty. */
export interface ConsistencyReport {
  readonly events: number;
  readonly commits: number;
  readonly epochs: number;
  /** Acknowledged events that are missing at their position. */
  readonly lost: readonly string[];
  /** Requests that were recorded more than once. */
  readonly duplicates: readonly string[];
  /** Missing positions or revisions. */
  readonly holes: readonly string[];
  /** Commits of an epoch after the first commit of a later epoch. */
  readonly staleWrites: readonly string[];
  /** Commits whose root does not match the events, and bodies that do not match their leaf. */
  readonly broken: readonly string[];
  /** Checkpoints over a tree that does not match the events. */
  readonly forked: readonly string[];
  readonly checkpoints: number;
}

interface EventRow {
  readonly pos: string;
  readonly stream: string;
  readonly revision: string;
  readonly body: string;
  readonly leaf: Buffer;
}

interface CommitRow {
  readonly first_pos: string;
  readonly last_pos: string;
  readonly epoch: string;
  readonly root: Buffer;
}

function missing(
  acknowledged: readonly Acknowledged[],
  events: readonly EventRow[],
  requests: ReadonlyMap<string, number>,
): string[] {
  return acknowledged.flatMap(({ requestId, stream, revision, position }) => {
    const event = events[position];
    const there =
      requests.get(requestId) === position && event?.stream === stream && Number(event.revision) === revision;
    return there ? [] : [`${requestId}: ${stream}@${revision} at ${position}`];
  });
}

function treeFaults(events: readonly EventRow[], commits: readonly CommitRow[]): string[] {
  const faults = events
    .filter((event) => !leafHash(event.body).equals(event.leaf))
    .map((event) => `leaf of ${event.pos}`);
  let frontier = Frontier.empty;
  for (const commit of commits) {
    const end = Number(commit.last_pos) + 1;
    if (Number(commit.first_pos) !== frontier.size) faults.push(`commit at ${commit.first_pos} does not join on`);
    frontier = frontier.append(events.slice(frontier.size, end).map((event) => event.leaf));
    if (!frontier.root().equals(commit.root)) faults.push(`root of the commit up to ${commit.last_pos}`);
  }
  return faults;
}

function forks(notes: readonly string[], events: readonly EventRow[], key: VerifierKey): string[] {
  let frontier = Frontier.empty;
  return notes.flatMap((note) => {
    const { size, root } = openCheckpoint(note, key);
    frontier = frontier.append(events.slice(frontier.size, size).map((event) => event.leaf));
    return frontier.size === size && frontier.root().equals(root) ? [] : [`the checkpoint of ${size}`];
  });
}

function holesOf(events: readonly EventRow[]): string[] {
  const revisions = new Map<string, number>();
  return events.flatMap((event, index) => {
    const expected = (revisions.get(event.stream) ?? -1) + 1;
    revisions.set(event.stream, expected);
    return Number(event.pos) === index && Number(event.revision) === expected
      ? []
      : [`${event.pos}: ${event.stream}@${event.revision}`];
  });
}

/** Compares the tables of the log with the acknowledged appends and with each other. */
export async function checkConsistency(
  cluster: LogCluster,
  acknowledged: readonly Acknowledged[],
): Promise<ConsistencyReport> {
  const events = await cluster.ask<EventRow>('select pos, stream, revision, body, leaf from ledger.event order by pos');
  const commits = await cluster.ask<CommitRow>(
    'select first_pos, last_pos, epoch, root from ledger.commit order by last_pos',
  );
  const rows = await cluster.ask<{ request_id: string; first_pos: string }>(
    'select request_id, first_pos from ledger.request',
  );
  const [head] = await cluster.ask<{ next_pos: string; epoch: string }>('select next_pos, epoch from ledger.head');
  const notes = (await cluster.ask<{ note: string }>('select note from ledger.checkpoint order by size')).map(
    ({ note }) => note,
  );
  const requests = new Map(rows.map((row) => [row.request_id, Number(row.first_pos)]));
  // An id is derived from the request's, and each request here has one event.
  const counted = Map.groupBy(events, (event) => (JSON.parse(event.body) as { causationId: string }).causationId);
  const staleWrites = commits.flatMap((commit, index) =>
    Number(commit.epoch) < Number(commits[index - 1]?.epoch ?? 0)
      ? [`epoch ${commit.epoch} at ${commit.first_pos}`]
      : [],
  );
  const holes = holesOf(events);
  if (Number(head?.next_pos) !== events.length)
    holes.push(`the head says ${head?.next_pos}, there are ${events.length}`);
  return {
    events: events.length,
    commits: commits.length,
    epochs: Number(head?.epoch ?? 0),
    lost: missing(acknowledged, events, requests),
    duplicates: [...counted].filter(([, found]) => found.length > 1).map(([id]) => id),
    holes,
    staleWrites,
    broken: treeFaults(events, commits),
    forked: forks(notes, events, cluster.key),
    checkpoints: notes.length,
  };
}
