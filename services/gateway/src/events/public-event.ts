// SPDX-License-Identifier: Apache-2.0
import type { RecordedEvent } from '@plumbline/events';

/** An event as it leaves the API: what opens doors stays inside, also when it is only a hash. */
export function publicEvent(event: RecordedEvent): Record<string, unknown> {
  if (event.type === 'TokenIssued') {
    const { hash: _, ...data } = event.data;
    return { ...event, data };
  }
  if (event.type !== 'Unknown') return { ...event };
  return { ...event, type: event.data.originalType, data: event.data.raw };
}

/** Which events a reader wants; all that is given must fit. */
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

/** True when the filter lets the event through. */
export function wanted(event: RecordedEvent, filter: EventFilter): boolean {
  const { types, application, project, environment, cluster, actor } = filter;
  const type = event.type === 'Unknown' ? event.data.originalType : event.type;
  if (types !== undefined && !types.includes(type)) return false;
  if (actor !== undefined && event.actor.id !== actor && event.actor.name !== actor) return false;
  if (application === undefined && project === undefined && environment === undefined && cluster === undefined) return true;
  const data = membersOf(event);
  return (application === undefined || data['application'] === application)
    && (project === undefined || isOfProject(event, data, project))
    && (environment === undefined || data['environment'] === environment)
    && (cluster === undefined || data['cluster'] === cluster || event.stream === `cluster-${cluster}` || (Array.isArray(data['clusters']) && data['clusters'].includes(cluster)));
}

/** True for a filter that lets everything through. */
export function wantsAll(filter: EventFilter): boolean {
  const { types, application, project, environment, cluster, actor } = filter;
  return [types, application, project, environment, cluster, actor].every((part) => part === undefined);
}

function membersOf(event: RecordedEvent): Readonly<Record<string, unknown>> {
  const data: unknown = event.type === 'Unknown' ? event.data.raw : event.data;
  return typeof data === 'object' && data !== null ? { ...data } : {};
}

function isOfProject(event: RecordedEvent, data: Readonly<Record<string, unknown>>, project: string): boolean {
  const { application } = data;
  return event.stream === `project-${project}` || (typeof application === 'string' && application.startsWith(`${project}/`));
}
