// SPDX-License-Identifier: Apache-2.0
import { nextCondition, type SyncState } from '@plumbline/core';
import type { EventOf, PlumblineEvent } from '@plumbline/events';
import type { TargetView, ViewChange, ViewReader } from './documents.js';
import { targetKey } from './keys.js';

/** Targets: what is wanted, what the last sync did, drift, health. */
export function evolveTarget(views: ViewReader, event: PlumblineEvent): readonly ViewChange[] {
  switch (event.type) {
    case 'VersionReleased':
      return released(views, event);
    case 'SyncStarted': {
      const { syncId, version, cause, inventoryDigest } = event.data;
      return update(views, event, (before) => ({
        ...before,
        inventoryDigest,
        running: { syncId, version, cause, startedAt: event.recordedAt },
        sync: condition(before, event, 'Syncing', cause, `version ${version}`),
      }));
    }
    case 'SyncCompleted':
      return update(views, event, (before) => completed(before, event));
    case 'SyncRefused':
      return update(views, event, ({ running: _, ...before }) => {
        const { version, reason, message, objects } = event.data;
        const last = {
          syncId: event.data.releaseId,
          version,
          renderDigest: before.renderDigest ?? '',
          cause: 'Release' as const,
          result: 'Refused' as const,
          reason,
          message,
          objects,
          at: event.recordedAt,
          durationMs: 0,
          position: event.position,
        };
        return { ...before, lastSync: last, sync: condition(before, event, 'Refused', reason, message) };
      });
    case 'DriftDetected': {
      const { objects } = event.data;
      return update(views, event, (before) => ({
        ...before,
        drift: objects,
        sync:
          before.running === undefined
            ? condition(before, event, 'OutOfSync', 'Drift', driftMessage(objects.map(({ key }) => key)))
            : before.sync,
      }));
    }
    case 'DriftResolved':
      return update(views, event, (before) => ({
        ...before,
        drift: [],
        sync:
          before.sync.reason === 'Drift'
            ? condition(before, event, 'Synced', 'DriftResolved', 'drift went away')
            : before.sync,
      }));
    case 'HealthChanged': {
      const { health, reason, message, objects } = event.data;
      return update(views, event, (before) => ({
        ...before,
        unhealthy: objects,
        health: nextCondition(before.health, { state: health, reason, message, since: event.recordedAt }),
      }));
    }
    case 'TargetRemoved':
      return removed(views, event);
    case 'ClusterUnreachable':
    case 'ClusterConnected':
      return connection(views, event);
    default:
      return [];
  }
}

function driftMessage(keys: readonly string[]): string {
  return `${keys.length} object${keys.length === 1 ? '' : 's'} drifted: ${keys.slice(0, 3).join(', ')}${keys.length > 3 ? ', …' : ''}`;
}

function condition(
  before: TargetView,
  event: PlumblineEvent,
  state: SyncState,
  reason: string,
  message: string,
): TargetView['sync'] {
  return nextCondition(before.sync, { state, reason, message, since: event.recordedAt });
}

function released(views: ViewReader, event: EventOf<'VersionReleased'>): readonly ViewChange[] {
  const { application, environment, version, releaseId, generation, clusters } = event.data;
  const changes: ViewChange[] = clusters.map((cluster) => {
    const key = targetKey(application, environment, cluster);
    const before = views.get('target', key) ?? emptyTarget({ application, environment, cluster }, event);
    const document: TargetView = {
      ...before,
      desiredVersion: version,
      desiredRelease: releaseId,
      desiredGeneration: generation,
      sync:
        before.version === version && before.sync.state === 'Synced'
          ? before.sync
          : condition(before, event, 'OutOfSync', 'Released', `version ${version} is released`),
    };
    return { view: 'target', key, document };
  });
  for (const [key, target] of views.scan('target', `${application}/${environment}/`)) {
    if (clusters.includes(target.cluster)) continue;
    const { desiredVersion: _, desiredRelease: __, ...rest } = target;
    changes.push({
      view: 'target',
      key,
      document: {
        ...rest,
        desiredGeneration: generation,
        sync: condition(target, event, 'OutOfSync', 'NotSelected', 'no longer selected by the environment'),
      },
    });
  }
  return changes;
}

function completed({ running: _, ...before }: TargetView, event: EventOf<'SyncCompleted'>): TargetView {
  const {
    syncId,
    version,
    renderDigest,
    cause,
    result,
    reason,
    message,
    changes,
    inventoryDigest,
    objectCount,
    durationMs,
  } = event.data;
  const succeeded = result === 'Succeeded';
  const current = before.desiredVersion === undefined || before.desiredVersion === version;
  const state: SyncState = !succeeded ? 'Failed' : current ? 'Synced' : 'OutOfSync';
  return {
    ...before,
    ...(succeeded ? { version, renderDigest, drift: [] } : {}),
    inventoryDigest,
    objectCount,
    lastSync: {
      syncId,
      version,
      renderDigest,
      cause,
      result,
      reason,
      message,
      changes,
      at: event.recordedAt,
      durationMs,
      position: event.position,
    },
    sync: condition(before, event, state, reason, message),
  };
}

function removed(views: ViewReader, event: EventOf<'TargetRemoved'>): readonly ViewChange[] {
  const key = targetKey(event.data.application, event.data.environment, event.data.cluster);
  return views.get('target', key) === undefined ? [] : [{ view: 'target', key, document: undefined }];
}

function connection(
  views: ViewReader,
  event: EventOf<'ClusterUnreachable'> | EventOf<'ClusterConnected'>,
): readonly ViewChange[] {
  const changes: ViewChange[] = [];
  for (const [key, target] of views.scan('target', '')) {
    if (target.cluster !== event.data.cluster) continue;
    if (event.type === 'ClusterUnreachable') {
      const message = `cluster ${event.data.cluster} is unreachable: ${event.data.message}`;
      const sync = nextCondition(target.sync, {
        state: 'Unknown',
        reason: event.data.reason,
        message,
        since: event.recordedAt,
      });
      const health = nextCondition(target.health, {
        state: 'Unknown',
        reason: event.data.reason,
        message,
        since: event.recordedAt,
      });
      changes.push({ view: 'target', key, document: { ...target, sync, health } });
    } else if (target.sync.state === 'Unknown') {
      changes.push({ view: 'target', key, document: { ...target, sync: afterReconnect(target, event) } });
    }
  }
  return changes;
}

/**
 * What the log knows again once the cluster answers: the applier's next report corrects it where the cluster moved
 * meanwhile.
 */
function afterReconnect(target: TargetView, event: PlumblineEvent): TargetView['sync'] {
  if (target.running !== undefined)
    return condition(target, event, 'Syncing', target.running.cause, `version ${target.running.version}`);
  if (target.lastSync === undefined || target.desiredVersion !== target.version)
    return condition(target, event, 'OutOfSync', 'Reconnected', 'cluster is reachable again');
  const state: SyncState = target.drift.length > 0 ? 'OutOfSync' : 'Synced';
  return condition(target, event, state, 'Reconnected', 'cluster is reachable again');
}

function emptyTarget(
  at: { readonly application: string; readonly environment: string; readonly cluster: string },
  event: PlumblineEvent,
): TargetView {
  const since = event.recordedAt;
  return {
    id: targetKey(at.application, at.environment, at.cluster),
    ...at,
    sync: { state: 'OutOfSync', reason: 'New', message: 'never synced', since },
    health: { state: 'Unknown', reason: 'New', message: 'never synced', since },
    unhealthy: [],
    drift: [],
    objectCount: 0,
  };
}

function update(
  views: ViewReader,
  event: PlumblineEvent & { data: { application: string; environment: string; cluster: string } },
  change: (before: TargetView) => TargetView,
): readonly ViewChange[] {
  const { application, environment, cluster } = event.data;
  const key = targetKey(application, environment, cluster);
  const before = views.get('target', key) ?? emptyTarget({ application, environment, cluster }, event);
  return [{ view: 'target', key, document: change(before) }];
}
