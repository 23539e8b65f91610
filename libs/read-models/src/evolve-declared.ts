// SPDX-License-Identifier: Apache-2.0
import { nextCondition } from '@plumbline/core';
import type { EventOf, PlumblineEvent } from '@plumbline/events';
import type { ClusterView, Provenance, ViewChange, ViewReader } from './documents.js';

/** Returns the provenance of a document that this event declares. */
export function provenanceOf(event: PlumblineEvent): Provenance {
  return { position: event.position, at: event.recordedAt, by: event.actor };
}

/** Projects: declarations and removal. */
export function evolveProject(_views: ViewReader, event: PlumblineEvent): readonly ViewChange[] {
  switch (event.type) {
    case 'ProjectDeclared':
      return [{ view: 'project', key: event.data.name, document: { ...event.data, declared: provenanceOf(event) } }];
    case 'ProjectRemoved':
      return [{ view: 'project', key: event.data.name, document: undefined }];
    default:
      return [];
  }
}

/** Clusters: declarations, the connection, removal. */
export function evolveCluster(views: ViewReader, event: PlumblineEvent): readonly ViewChange[] {
  switch (event.type) {
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
      return before === undefined ? [] : [{ view: 'cluster', key: before.name, document: connected(before, event) }];
    }
    default:
      return [];
  }
}

function connected(
  before: ClusterView,
  event: EventOf<'ClusterConnected'> | EventOf<'ClusterUnreachable'>,
): ClusterView {
  const since = event.recordedAt;
  if (event.type === 'ClusterUnreachable') {
    const { reason, message } = event.data;
    return {
      ...before,
      connection: nextCondition(before.connection, { state: 'Unreachable', reason, message, since }),
    };
  }
  const { uid, kubernetesVersion, apisDigest } = event.data;
  const message = `Kubernetes ${kubernetesVersion}`;
  return {
    ...before,
    uid,
    kubernetesVersion,
    apisDigest,
    connection: nextCondition(before.connection, { state: 'Connected', reason: 'Connected', message, since }),
  };
}

/** Access tokens: issued and revoked. */
export function evolveToken(views: ViewReader, event: PlumblineEvent): readonly ViewChange[] {
  switch (event.type) {
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
