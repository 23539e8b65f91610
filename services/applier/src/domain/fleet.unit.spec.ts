// SPDX-License-Identifier: Apache-2.0
import { Digest, TargetId } from '@plumbline/core';
import { applicationSpec, type EventData, type EventType, type RecordedEvent } from '@plumbline/events';
import { eventHandlersOf } from '@plumbline/reactor';
import { describe, expect, it } from 'vitest';
import { ApplierEvents } from '../applier.events.js';
import { Fleet } from './fleet.js';

const at = { application: 'default/shop', environment: 'production', cluster: 'kube' };
const id = TargetId.of('default/shop', 'production', 'kube');

function fold(fleet: Fleet): <Type extends EventType>(type: Type, data: EventData<Type>) => void {
  const handlers = eventHandlersOf(new ApplierEvents(fleet), 'applier');
  let position = 0;
  return (type, data) => {
    const event = {
      id: `event-${position}`,
      type,
      schemaVersion: 1,
      stream: 'x',
      revision: position,
      position,
      occurredAt: '2026-01-01T00:00:00.000Z',
      recordedAt: '2026-01-01T00:00:00.000Z',
      actor: { kind: 'system', id: 'x', name: 'x' },
      causationId: 'c',
      correlationId: 'c',
      data,
    };
    position += 1;
    void handlers.get(type)?.(event as unknown as RecordedEvent);
  };
}

function history(): Fleet {
  const fleet = new Fleet();
  const add = fold(fleet);
  const spec = applicationSpec.parse({
    repository: 'shop',
    environments: [{ name: 'production', clusters: { names: ['kube'] } }],
  });
  const renderDigest = Digest.of('render');
  add('ClusterDeclared', { name: 'kube', labels: {}, spec: { inCluster: {} } });
  add('ApplicationDeclared', { application: 'default/shop', labels: {}, spec });
  add('VersionReleased', {
    application: 'default/shop',
    environment: 'production',
    version: 1,
    releaseId: 'release-1',
    generation: 1,
    kind: 'Automatic',
    renderDigest,
    clusters: ['kube'],
    approvals: [],
    keyId: 'k',
    signature: 's',
  });
  add('PlanRequested', { application: 'default/shop' });
  add('DriftDetected', { ...at, objects: [{ key: '/ConfigMap/a/b', kind: 'Changed', fields: [], actors: [] }] });
  return fleet;
}

describe('the fold of the applier', () => {
  it('is the same after a snapshot and a restore, through JSON', () => {
    const fleet = history();
    const restored = new Fleet();
    restored.restore(JSON.parse(JSON.stringify(fleet.snapshot())));
    expect(restored.target(id)).toEqual(fleet.target(id));
    expect(restored.environment('default/shop', 'production')).toEqual(fleet.environment('default/shop', 'production'));
    expect(restored.nextPlan(id)).toEqual(fleet.nextPlan(id));
    expect(restored.application('default/shop')).toEqual(fleet.application('default/shop'));
    expect(restored.cluster('kube')).toEqual(fleet.cluster('kube'));
    expect(restored.snapshot()).toEqual(fleet.snapshot());
  });

  it('returns a snapshot that later events do not change', () => {
    const fleet = history();
    const snapshot = fleet.snapshot();
    const before = JSON.stringify(snapshot);
    const add = fold(fleet);
    for (let skipped = 0; skipped < 5; skipped += 1) add('RepositoryRemoved', { name: 'none' });
    add('DriftResolved', at);
    add('DriftDetected', { ...at, objects: [{ key: '/ConfigMap/a/c', kind: 'Missing', fields: [], actors: [] }] });
    expect(fleet.target(id).driftMemory.size).toBe(2);
    expect(JSON.stringify(snapshot)).toBe(before);
  });

  it('returns each target that events concerned once', () => {
    const fleet = history();
    expect(fleet.takeTouched()).toEqual({ targets: new Set([id]), clusters: true });
    expect(fleet.takeTouched()).toEqual({ targets: new Set(), clusters: false });
  });
});
