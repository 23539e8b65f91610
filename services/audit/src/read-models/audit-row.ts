// SPDX-License-Identifier: Apache-2.0
import type { RecordedEvent } from '@plumbline/events';

/** What an event is found by. */
export interface AuditRow {
  readonly position: number;
  readonly type: string;
  readonly actor: string;
  readonly actorName: string;
  readonly application: string | undefined;
  readonly environment: string | undefined;
  readonly cluster: string | undefined;
  readonly correlationId: string;
  readonly recordedAt: string;
}

/** PostgreSQL's text has no NUL. */
function columnText(text: string): string {
  return text.replaceAll('\u0000', '\ufffd');
}

function member(data: object, name: string): string | undefined {
  const value: unknown = Object.entries(data).find(([key]) => key === name)?.[1];
  return typeof value === 'string' ? columnText(value) : undefined;
}

/** The row of an event; works for types that this build does not know, by the names that all of ours use. */
export function auditRow(event: RecordedEvent): AuditRow {
  const raw: unknown = event.type === 'Unknown' ? event.data.raw : event.data;
  const data: object = typeof raw === 'object' && raw !== null ? raw : {};
  const ofCluster = event.stream.startsWith('cluster-') ? event.stream.slice('cluster-'.length) : undefined;
  return {
    position: event.position,
    type: columnText(event.type === 'Unknown' ? event.data.originalType : event.type),
    actor: columnText(event.actor.id),
    actorName: columnText(event.actor.name),
    application: member(data, 'application'),
    environment: member(data, 'environment'),
    cluster: member(data, 'cluster') ?? ofCluster,
    correlationId: columnText(event.correlationId),
    recordedAt: event.recordedAt,
  };
}
