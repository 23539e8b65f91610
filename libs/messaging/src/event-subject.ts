// SPDX-License-Identifier: Apache-2.0
import { facetsOf, type RecordedEvent } from '@plumbline/events';

/** All subjects of events begin with it. */
export const SUBJECT_PREFIX = 'plumbline.events';

const NONE = '_';

/** One part of a subject: percent-encoded, without what separates parts or stands for several; `_` for none. */
export function subjectToken(value: string | undefined): string {
  if (value === undefined || value === '') return NONE;
  if (value === NONE) return '%5F';
  return encodeURIComponent(value.toWellFormed()).replaceAll('.', '%2E').replaceAll('*', '%2A');
}

/** `plumbline.events.<type>.<project>.<application>.<environment>`; `_` for a part that the event does not name. */
export function eventSubject(event: RecordedEvent): string {
  const { type, application, project, environment } = facetsOf(event);
  const name = application?.slice(application.indexOf('/') + 1);
  return [SUBJECT_PREFIX, ...[type, project, name, environment].map(subjectToken)].join('.');
}

/** The subjects of all events of a type. */
export function subjectsOfType(type: string): string {
  return `${SUBJECT_PREFIX}.${subjectToken(type)}.>`;
}

/** The part of a subject that names the type; undefined for a subject of something else. */
export function typeTokenOf(subject: string): string | undefined {
  const prefix = `${SUBJECT_PREFIX}.`;
  if (!subject.startsWith(prefix)) return undefined;
  const parts = subject.slice(prefix.length).split('.');
  return parts.length === 4 ? parts[0] : undefined;
}
