// SPDX-License-Identifier: Apache-2.0
import { canonicalJson, nextCondition } from '@plumbline/core';
import type { PlumblineEvent } from '@plumbline/events';
import type { Provenance, RepositoryView, ViewChange, ViewReader } from './documents.js';

/** Where a declaration came from. */
export function provenanceOf(event: PlumblineEvent): Provenance {
  return { position: event.position, at: event.recordedAt, by: event.actor };
}

/** Another ref or path begins anew: what was read is not what is declared any more. */
function sameResources(before: RepositoryView, spec: RepositoryView['spec']): boolean {
  return spec.resources !== undefined && canonicalJson(before.spec.resources ?? null) === canonicalJson(spec.resources);
}

/** Projects, repositories, clusters and tokens. */
export function evolveDeclared(views: ViewReader, event: PlumblineEvent): readonly ViewChange[] {
  switch (event.type) {
    case 'ProjectDeclared':
      return [{ view: 'project', key: event.data.name, document: { ...event.data, declared: provenanceOf(event) } }];
    case 'ProjectRemoved':
      return [{ view: 'project', key: event.data.name, document: undefined }];
    case 'RepositoryDeclared': {
      const before = views.get('repository', event.data.name);
      const sameSource = before?.spec.url === event.data.spec.url;
      return [
        {
          view: 'repository',
          key: event.data.name,
          document: {
            ...event.data,
            declared: provenanceOf(event),
            connection:
              before !== undefined && sameSource
                ? before.connection
                : { state: 'Unknown', reason: 'NotFetchedYet', message: 'not fetched yet', since: event.recordedAt },
            refs: before !== undefined && sameSource ? before.refs : {},
            ...(before?.resources !== undefined && sameSource && sameResources(before, event.data.spec)
              ? { resources: before.resources }
              : {}),
          },
        },
      ];
    }
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
        : [{ view: 'repository', key: event.data.repository, document: evolveRepository(before, event) }];
    }
    case 'ClusterDeclared': {
      const before = views.get('cluster', event.data.name);
      const document = {
        ...before,
        ...event.data,
        declared: provenanceOf(event),
        connection: before?.connection ?? {
          state: 'Unknown' as const,
          reason: 'NotConnectedYet',
          message: 'not connected yet',
          since: event.recordedAt,
        },
      };
      return [{ view: 'cluster', key: event.data.name, document }];
    }
    case 'ClusterRemoved':
      return [{ view: 'cluster', key: event.data.name, document: undefined }];
    case 'ClusterConnected':
    case 'ClusterUnreachable': {
      const before = views.get('cluster', event.data.cluster);
      if (before === undefined) return [];
      const since = event.recordedAt;
      const document =
        event.type === 'ClusterConnected'
          ? {
              ...before,
              uid: event.data.uid,
              kubernetesVersion: event.data.kubernetesVersion,
              apisDigest: event.data.apisDigest,
              connection: nextCondition(before.connection, {
                state: 'Connected',
                reason: 'Connected',
                message: `Kubernetes ${event.data.kubernetesVersion}`,
                since,
              }),
            }
          : {
              ...before,
              connection: nextCondition(before.connection, {
                state: 'Unreachable',
                reason: event.data.reason,
                message: event.data.message,
                since,
              }),
            };
      return [{ view: 'cluster', key: before.name, document }];
    }
    case 'TokenIssued': {
      const { expiresAt, ...data } = event.data;
      const document = { ...data, issuedAt: event.recordedAt, ...(expiresAt === undefined ? {} : { expiresAt }) };
      return [{ view: 'token', key: data.id, document }];
    }
    case 'TokenRevoked': {
      const before = views.get('token', event.data.id);
      return before === undefined
        ? []
        : [{ view: 'token', key: before.id, document: { ...before, revokedAt: event.recordedAt } }];
    }
    default:
      return [];
  }
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

function evolveRepository(before: RepositoryView, event: RepositoryEvent): RepositoryView {
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
  // An answer about an older revision than the newest one read does not take its place.
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
