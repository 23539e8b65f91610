// SPDX-License-Identifier: Apache-2.0
import { type EventFilter, facetsOf, type RecordedEvent } from '@plumbline/events';

/** One header at most; all of them have room beside the others of a message. */
const MAX_CHARS = 480;
const NONE = '-';
const ANY = '*';

/**
 * Headers that tell what the events of a message are about, so that a reader can leave out messages without reading them: values between
 * commas, percent-encoded; `-` for none, `*` for more than fit.
 */
export function facetHeaders(events: readonly RecordedEvent[]): Readonly<Record<string, string>> {
  const all = {
    types: new Set<string>(),
    applications: new Set<string>(),
    projects: new Set<string>(),
    environments: new Set<string>(),
    clusters: new Set<string>(),
    actors: new Set<string>(),
  };
  for (const event of events) {
    const { type, application, project, environment, clusters, actors } = facetsOf(event);
    all.types.add(type);
    if (application !== undefined) all.applications.add(application);
    if (project !== undefined) all.projects.add(project);
    if (environment !== undefined) all.environments.add(environment);
    for (const cluster of clusters) all.clusters.add(cluster);
    for (const actor of actors) all.actors.add(actor);
  }
  return {
    'Pl-Types': listed(all.types),
    'Pl-Applications': listed(all.applications),
    'Pl-Projects': listed(all.projects),
    'Pl-Environments': listed(all.environments),
    'Pl-Clusters': listed(all.clusters),
    'Pl-Actors': listed(all.actors),
  };
}

function listed(values: ReadonlySet<string>): string {
  // More than that cannot fit.
  if (values.size > MAX_CHARS / 2) return ANY;
  const text = [...values]
    .filter((value) => value !== '')
    .map(encode)
    .sort()
    .join(',');
  if (text === '') return NONE;
  return text.length > MAX_CHARS ? ANY : text;
}

function encode(value: string): string {
  if (value === NONE) return '%2D';
  return encodeURIComponent(value.toWellFormed())
    .replaceAll('%2F', '/')
    .replaceAll('%3A', ':')
    .replaceAll('%40', '@')
    .replaceAll('*', '%2A');
}

/**
 * False when no event of a message with these headers fits the filter. True when one may: the events tell. Messages of a publisher that wrote no such
 * headers may hold anything.
 */
export function mayHold(header: (name: string) => string | undefined, filter: EventFilter): boolean {
  const { types, application, project, environment, cluster, actor } = filter;
  const wanted: Readonly<Record<string, readonly (string | undefined)[] | undefined>> = {
    'Pl-Types': types,
    'Pl-Applications': one(application),
    'Pl-Projects': one(project),
    'Pl-Environments': one(environment),
    'Pl-Clusters': one(cluster),
    'Pl-Actors': one(actor),
  };
  return Object.entries(wanted).every(([name, values]) => {
    const text = header(name) ?? '';
    if (values === undefined || text === '' || text === ANY) return true;
    const there = new Set(text.split(','));
    return values.some((value) => value !== undefined && there.has(encode(value)));
  });
}

function one(value: string | undefined): readonly string[] | undefined {
  return value === undefined ? undefined : [value];
}
