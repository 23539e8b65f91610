// SPDX-License-Identifier: Apache-2.0
import { canonicalJson, nextCondition } from '@plumbline/core';
import type { EventOf, PlumblineEvent } from '@plumbline/events';
import type { RepositoryView, ViewChange, ViewReader } from './documents.js';
import { provenanceOf } from './evolve-declared.js';

/** Repositories: declarations, the connection, refs, and the resources that they declare. */
export function evolveRepository(views: ViewReader, event: PlumblineEvent): readonly ViewChange[] {
  switch (event.type) {
    case 'RepositoryDeclared':
      return [{ view: 'repository', key: event.data.name, document: declared(views, event) }];
    case 'RepositoryRemoved':
      return [{ view: 'repository', key: event.data.name, document: undefined }];
    case 'RevisionObserved':
    case 'RefMissing':
    case 'RepositoryUnreachable':
    case 'RepositoryRecovered':
    case 'ResourcesRead':
    case 'ResourcesUnreadable':
    case 'ResourcesApplied':
    case 'ResourcesRefused': {
      const before = views.get('repository', event.data.repository);
      return before === undefined
        ? []
        : [{ view: 'repository', key: event.data.repository, document: observed(before, event) }];
    }
    default:
      return [];
  }
}

/** A new URL starts without refs and connection; a new ref or path of the resources starts without resources. */
function declared(views: ViewReader, event: EventOf<'RepositoryDeclared'>): RepositoryView {
  const existing = views.get('repository', event.data.name);
  const before = existing?.spec.url === event.data.spec.url ? existing : undefined;
  return {
    ...event.data,
    declared: provenanceOf(event),
    connection: before?.connection ?? {
      state: 'Unknown',
      reason: 'NotFetchedYet',
      message: 'not fetched yet',
      since: event.recordedAt,
    },
    refs: before?.refs ?? {},
    ...(before?.resources !== undefined && sameResources(before, event.data.spec)
      ? { resources: before.resources }
      : {}),
  };
}

function sameResources(before: RepositoryView, spec: RepositoryView['spec']): boolean {
  return spec.resources !== undefined && canonicalJson(before.spec.resources ?? null) === canonicalJson(spec.resources);
}

type RepositoryEvent = Extract<
  PlumblineEvent,
  {
    type:
      | 'RevisionObserved'
      | 'RefMissing'
      | 'RepositoryUnreachable'
      | 'RepositoryRecovered'
      | 'ResourcesRead'
      | 'ResourcesUnreadable'
      | 'ResourcesApplied'
      | 'ResourcesRefused';
  }
>;

function observed(before: RepositoryView, event: RepositoryEvent): RepositoryView {
  const since = event.recordedAt;
  const ready = nextCondition(before.connection, { state: 'Ready', reason: 'Fetched', message: 'fetched', since });
  switch (event.type) {
    case 'RevisionObserved': {
      const { ref, revision, commit } = event.data;
      const view = {
        revision,
        commit,
        observedAt: since,
        position: event.position,
        eventId: event.id,
        correlationId: event.correlationId,
      };
      return { ...before, connection: ready, refs: { ...before.refs, [ref]: view } };
    }
    case 'RefMissing': {
      const ref = before.refs[event.data.ref];
      const connection = { ...ready, reason: 'RefMissing', message: event.data.message };
      return ref === undefined
        ? { ...before, connection }
        : {
            ...before,
            connection: ready,
            refs: { ...before.refs, [event.data.ref]: { ...ref, missing: event.data.message } },
          };
    }
    case 'RepositoryUnreachable':
      return {
        ...before,
        connection: nextCondition(before.connection, {
          state: 'Unreachable',
          reason: event.data.reason,
          message: event.data.message,
          since,
        }),
      };
    case 'RepositoryRecovered':
      return { ...before, connection: ready };
    case 'ResourcesRead':
    case 'ResourcesUnreadable':
    case 'ResourcesApplied':
    case 'ResourcesRefused':
      return { ...before, resources: resourcesOf(before, event) };
  }
}

const RESOURCE_STATES = {
  ResourcesRead: 'Read',
  ResourcesUnreadable: 'Unreadable',
  ResourcesApplied: 'Applied',
  ResourcesRefused: 'Refused',
} as const;

function resourcesOf(
  before: RepositoryView,
  event: Extract<RepositoryEvent, { type: keyof typeof RESOURCE_STATES }>,
): NonNullable<RepositoryView['resources']> {
  const digest = 'digest' in event.data ? event.data.digest : undefined;
  const message = 'message' in event.data ? event.data.message : '';
  // An answer about an older revision does not replace the newest one that was read.
  const { resources } = before;
  const answers = event.type === 'ResourcesApplied' || event.type === 'ResourcesRefused';
  if (answers && resources !== undefined && resources.digest !== digest) return resources;
  return {
    revision: event.data.revision,
    state: RESOURCE_STATES[event.type],
    message,
    at: event.recordedAt,
    eventId: event.id,
    correlationId: event.correlationId,
    ...(digest === undefined ? {} : { digest }),
  };
}
