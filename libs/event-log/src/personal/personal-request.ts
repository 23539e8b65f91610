// SPDX-License-Identifier: Apache-2.0
import type { NewEvent } from '@plumbline/events';
import type { AppendRequest } from '../event-log.port.js';

/** Seals one value of a person. */
export type Seal = (knownAs: string, value: string) => string;

interface Person {
  readonly name: string;
  readonly email: string;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isPerson(value: unknown): value is Person {
  return isObject(value) && typeof value['name'] === 'string' && typeof value['email'] === 'string';
}

function persons(commit: Readonly<Record<string, unknown>>): readonly Person[] {
  return [commit['author'], commit['committer'], ...(Array.isArray(commit['coAuthors']) ? commit['coAuthors'] : [])].filter(isPerson);
}

function commitOf(event: NewEvent): Readonly<Record<string, unknown>> | undefined {
  const data: unknown = event.data;
  const commit = isObject(data) ? data['commit'] : undefined;
  return isObject(commit) ? commit : undefined;
}

/** A person is known by the e-mail address, or by the name when there is none. */
function knownAs(person: Person): string {
  return person.email === '' ? person.name : person.email;
}

/** What the persons of a request are known by: the user who acts, and the people of commits. */
export function personsOf(request: AppendRequest): ReadonlySet<string> {
  const found = new Set<string>();
  if (request.actor.kind === 'user') found.add(request.actor.id);
  for (const item of request.items) {
    for (const event of item.events) for (const person of persons(commitOf(event) ?? {})) found.add(knownAs(person));
  }
  return found;
}

function sealPerson(seal: Seal, value: unknown): unknown {
  if (!isPerson(value)) return value;
  return { ...value, name: seal(knownAs(value), value.name), email: seal(knownAs(value), value.email) };
}

/** The request with the names of users and the names and e-mail addresses of commits sealed. Ids of actors stay: the audit finds by them. */
export function sealRequest(request: AppendRequest, seal: Seal): AppendRequest {
  const { actor } = request;
  return {
    ...request,
    actor: actor.kind === 'user' ? { ...actor, name: seal(actor.id, actor.name) } : actor,
    items: request.items.map((item) => ({
      ...item,
      events: item.events.map((event) => {
        const commit = commitOf(event);
        if (commit === undefined) return event;
        const sealed = {
          ...commit, author: sealPerson(seal, commit['author']), committer: sealPerson(seal, commit['committer']),
          ...(Array.isArray(commit['coAuthors']) ? { coAuthors: commit['coAuthors'].map((person: unknown) => sealPerson(seal, person)) } : {}),
        };
        // The shape is what it was, and the log checks it against the schema.
        return { ...event, data: { ...event.data, commit: sealed } } as unknown as NewEvent;
      }),
    })),
  };
}
