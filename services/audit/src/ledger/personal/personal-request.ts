// SPDX-License-Identifier: Apache-2.0
import type { NewEvent } from '@plumbline/events';
import type { AppendRequest } from '@plumbline/event-log';

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

function commitOf(event: NewEvent): Readonly<Record<string, unknown>> | undefined {
  const data: unknown = event.data;
  const commit = isObject(data) ? data['commit'] : undefined;
  return isObject(commit) ? commit : undefined;
}

/** A person is known by the e-mail address, or by the name when there is none. */
function knownAs(person: Person): string {
  return person.email === '' ? person.name : person.email;
}

/**
 * What the persons of a request are known by: the user who acts, the people of commits, the holders of tokens,
 * approvers and authors who may not approve.
 */
export function personsOf(request: AppendRequest): ReadonlySet<string> {
  const found = new Set<string>();
  sealRequest(request, (person, value) => {
    found.add(person);
    return value;
  });
  return found;
}

function sealPerson(seal: Seal, value: unknown): unknown {
  if (!isPerson(value)) return value;
  return { ...value, name: seal(knownAs(value), value.name), email: seal(knownAs(value), value.email) };
}

function sealCommit(seal: Seal, commit: Readonly<Record<string, unknown>>): unknown {
  return {
    ...commit,
    author: sealPerson(seal, commit['author']),
    committer: sealPerson(seal, commit['committer']),
    ...(Array.isArray(commit['coAuthors'])
      ? { coAuthors: commit['coAuthors'].map((person: unknown) => sealPerson(seal, person)) }
      : {}),
  };
}

/** An address is sealed under itself, so that it goes with the person, whatever event it is in. */
const sealAddresses = (seal: Seal, addresses: readonly string[]): string[] =>
  addresses.map((address) => seal(address, address));

function sealEvent(seal: Seal, event: NewEvent): NewEvent {
  switch (event.type) {
    case 'TokenIssued':
      return {
        ...event,
        data: {
          ...event.data,
          name: seal(event.data.id, event.data.name),
          emails: sealAddresses(seal, event.data.emails),
        },
      };
    case 'ApprovalRequested':
      return { ...event, data: { ...event.data, excluded: sealAddresses(seal, event.data.excluded) } };
    case 'ApprovalGranted':
      return { ...event, data: { ...event.data, approverName: seal(event.data.approver, event.data.approverName) } };
    default: {
      const commit = commitOf(event);
      // The shape is what it was, and the log checks it against the schema.
      return commit === undefined
        ? event
        : ({ ...event, data: { ...event.data, commit: sealCommit(seal, commit) } } as unknown as NewEvent);
    }
  }
}

/** The request with the names and addresses of people sealed. Ids of actors stay: the audit finds by them. */
export function sealRequest(request: AppendRequest, seal: Seal): AppendRequest {
  const { actor } = request;
  return {
    ...request,
    actor: actor.kind === 'user' ? { ...actor, name: seal(actor.id, actor.name) } : actor,
    items: request.items.map((item) => ({ ...item, events: item.events.map((event) => sealEvent(seal, event)) })),
  };
}
