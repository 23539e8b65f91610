// SPDX-License-Identifier: Apache-2.0
import type { RecordedEvent } from './event.js';

/** Selects events; all given conditions apply. Every kind of subscription uses the same filter. */
export interface EventFilter {
  readonly types?: readonly string[] | undefined;
  /** `project/name`. */
  readonly application?: string | undefined;
  readonly project?: string | undefined;
  readonly environment?: string | undefined;
  readonly cluster?: string | undefined;
  /** Id or name. */
  readonly actor?: string | undefined;
}

/** What an event is filtered by: what it is about, and who caused it. */
export interface EventFacets {
  readonly type: string;
  readonly application: string | undefined;
  readonly project: string | undefined;
  readonly environment: string | undefined;
  readonly clusters: readonly string[];
  /** Id and name. */
  readonly actors: readonly string[];
}

/** The facets of an event; of one that this build does not know too, by the names that all types use. */
export function facetsOf(event: RecordedEvent): EventFacets {
  const data: unknown = event.type === 'Unknown' ? event.data.raw : event.data;
  const member = (name: string): unknown =>
    typeof data === 'object' && data !== null ? Reflect.get(data, name) : undefined;
  const text = (name: string): string | undefined => textOf(member(name));
  const application = text('application');
  const slash = application?.indexOf('/') ?? -1;
  const listed: unknown = member('clusters');
  const clusters = [
    text('cluster'),
    ofStream(event, 'cluster-'),
    ...(Array.isArray(listed) ? listed.map(textOf) : []),
  ].filter((name) => name !== undefined);
  return {
    type: event.type === 'Unknown' ? event.data.originalType : event.type,
    application,
    project: ofStream(event, 'project-') ?? (slash > 0 ? application?.slice(0, slash) : undefined),
    environment: text('environment'),
    clusters,
    actors: [event.actor.id, event.actor.name],
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function ofStream({ stream }: RecordedEvent, prefix: string): string | undefined {
  return stream.startsWith(prefix) ? stream.slice(prefix.length) : undefined;
}

/** True when the filter lets the event through. */
export function wanted(event: RecordedEvent, filter: EventFilter): boolean {
  if (wantsAll(filter)) return true;
  const { types, application, project, environment, cluster, actor } = filter;
  const facets = facetsOf(event);
  return (
    (types === undefined || types.includes(facets.type)) &&
    (actor === undefined || facets.actors.includes(actor)) &&
    (application === undefined || facets.application === application) &&
    (project === undefined || facets.project === project) &&
    (environment === undefined || facets.environment === environment) &&
    (cluster === undefined || facets.clusters.includes(cluster))
  );
}

/** True for a filter that lets everything through. */
export function wantsAll(filter: EventFilter): boolean {
  const { types, application, project, environment, cluster, actor } = filter;
  return [types, application, project, environment, cluster, actor].every((part) => part === undefined);
}
