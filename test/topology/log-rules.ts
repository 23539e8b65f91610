// SPDX-License-Identifier: Apache-2.0
import type { EventOf, EventType, RecordedEvent } from '@plumbline/events';

/** What is wrong with a log that went through crashes; empty when every intent and every outcome is in it once. */
export function brokenRules(events: readonly RecordedEvent[]): readonly string[] {
  return [...positions(events), ...revisions(events), ...versions(events), ...releases(events), ...syncs(events)];
}

function ofType<Type extends EventType>(events: readonly RecordedEvent[], type: Type): readonly EventOf<Type>[] {
  return events.filter((event) => event.type === type) as readonly RecordedEvent[] as readonly EventOf<Type>[];
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

function pairs<Item>(items: readonly Item[]): readonly (readonly [Item, Item])[] {
  return items.slice(1).map((item, index) => [items[index] as Item, item] as const);
}

/** Positions without gaps from 0, each id once, each stream counted without gaps. */
function positions(events: readonly RecordedEvent[]): readonly string[] {
  const wrong = events
    .flatMap(({ position }, index) => (position === index ? [] : [`position ${position} stands at place ${index}`]))
    .slice(0, 3);
  const ids = new Set(events.map(({ id }) => id));
  if (ids.size !== events.length) wrong.push(`${events.length - ids.size} ids occur twice`);
  for (const [stream, own] of groupBy(events, (event) => event.stream)) {
    if (own.some(({ revision }, index) => revision !== index))
      wrong.push(`stream ${stream} has revisions ${own.map(({ revision }) => revision).join()}`);
  }
  return wrong;
}

/** A revision of a ref is observed once until another one is. */
function revisions(events: readonly RecordedEvent[]): readonly string[] {
  return [...groupBy(ofType(events, 'RevisionObserved'), ({ data }) => `${data.repository} ${data.ref}`)].flatMap(
    ([ref, own]) =>
      pairs(own)
        .filter(([before, after]) => before.data.revision === after.data.revision)
        .map(([, after]) => `${ref}: ${after.data.revision} was observed again at ${after.position}`),
  );
}

/** Numbers rise, and no version equals the one before it. */
function versions(events: readonly RecordedEvent[]): readonly string[] {
  return [
    ...groupBy(ofType(events, 'VersionRendered'), ({ data }) => `${data.application} in ${data.environment}`),
  ].flatMap(([place, own]) =>
    pairs(own).flatMap(([before, after]) => [
      ...(before.data.version < after.data.version
        ? []
        : [`${place}: version ${after.data.version} at ${after.position} after ${before.data.version}`]),
      ...(before.data.renderDigest === after.data.renderDigest && before.data.namespace === after.data.namespace
        ? [`${place}: version ${after.data.version} is what ${before.data.version} was`]
        : []),
    ]),
  );
}

/** Generations rise by one, no release twice, no version released again without a reason. */
function releases(events: readonly RecordedEvent[]): readonly string[] {
  const all = ofType(events, 'VersionReleased');
  const wrong = [...groupBy(all, ({ data }) => data.releaseId)]
    .filter(([, own]) => own.length > 1)
    .map(([id]) => `release ${id} occurs twice`);
  for (const [place, own] of groupBy(all, ({ data }) => `${data.application} in ${data.environment}`)) {
    for (const [before, after] of pairs(own)) {
      if (after.data.generation !== before.data.generation + 1)
        wrong.push(
          `${place}: generation ${after.data.generation} at ${after.position} after ${before.data.generation}`,
        );
      const same =
        after.data.version === before.data.version && after.data.clusters.join() === before.data.clusters.join();
      if (same && after.data.kind !== 'Rollback')
        wrong.push(`${place}: version ${after.data.version} was released again at ${after.position}`);
    }
  }
  return wrong;
}

/** Every sync that began ended once, or gave way to a later one of the same target after a crash. */
function syncs(events: readonly RecordedEvent[]): readonly string[] {
  const targetOf = ({ data }: EventOf<'SyncStarted' | 'SyncCompleted'>): string =>
    `${data.application}/${data.environment}/${data.cluster}`;
  const started = ofType(events, 'SyncStarted');
  const completed = groupBy(ofType(events, 'SyncCompleted'), ({ data }) => data.syncId);
  const known = new Set(started.map(({ data }) => data.syncId));
  const wrong: string[] = [];
  if (known.size !== started.length) wrong.push(`${started.length - known.size} syncs were started twice under one id`);
  for (const [id, own] of completed) {
    if (own.length > 1) wrong.push(`sync ${id} was completed ${own.length} times`);
    if (!known.has(id)) wrong.push(`sync ${id} was completed and never started`);
  }
  for (const [target, own] of groupBy(started, targetOf)) {
    for (const [index, start] of own.entries()) {
      const next = own[index + 1];
      const end = completed.get(start.data.syncId)?.[0];
      if (end === undefined && next === undefined)
        wrong.push(`${target}: the last sync ${start.data.syncId} at ${start.position} has no end`);
      if (end !== undefined && next !== undefined && end.position > next.position)
        wrong.push(`${target}: two syncs at the same time at ${next.position}`);
    }
  }
  return wrong;
}
