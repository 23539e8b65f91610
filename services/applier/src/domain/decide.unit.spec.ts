// SPDX-License-Identifier: Apache-2.0
import { Digest, TargetId } from '@plumbline/core';
import { applicationSpec, type EventData, type EventType, type RecordedEvent } from '@plumbline/events';
import { eventHandlersOf } from '@plumbline/reactor';
import { describe, expect, it } from 'vitest';
import { ApplierEvents } from '../applier.events.js';
import { decide, type Decision, type LiveFacts } from './decide.js';
import { Fleet } from './fleet.js';

const APPLICATION = 'default/shop';
const ID = TargetId.of(APPLICATION, 'production', 'kube');
const AT = { application: APPLICATION, environment: 'production', cluster: 'kube' };
const NOW = Date.parse('2026-01-01T12:00:00Z');
const digest = (text: string): Digest => Digest.of(text);
const noChanges = { counts: {}, digest: digest('none'), inline: [], truncated: false };

/** A history, written down as it would be in the log. */
class History {
  readonly fleet = new Fleet();
  readonly #handlers = eventHandlersOf(new ApplierEvents(this.fleet), 'applier');
  #position = 0;
  #revision = 0;

  constructor(options: { readonly selfHeal?: boolean } = {}) {
    const spec = applicationSpec.parse({
      repository: 'shop',
      environments: [
        { name: 'production', clusters: { names: ['kube'] }, sync: { selfHeal: options.selfHeal ?? true } },
      ],
    });
    this.add('ClusterDeclared', { name: 'kube', labels: {}, spec: { simulated: {} } }).add('ApplicationDeclared', {
      application: APPLICATION,
      labels: {},
      spec,
    });
  }

  add<Type extends EventType>(
    type: Type,
    data: EventData<Type>,
    options: { readonly atMs?: number; readonly causationId?: string } = {},
  ): this {
    const position = this.#position;
    this.#position += 1;
    const onTarget = [
      'SyncStarted',
      'SyncCompleted',
      'SyncRefused',
      'DriftDetected',
      'DriftResolved',
      'HealthChanged',
      'TargetRemoved',
    ].includes(type);
    const event = {
      id: `event-${position}`,
      type,
      schemaVersion: 1,
      stream: 'x',
      revision: onTarget ? this.#revision : 0,
      position,
      occurredAt: '',
      recordedAt: new Date(options.atMs ?? NOW - 60_000).toISOString(),
      actor: { kind: 'system', id: 'x', name: 'x' },
      causationId: options.causationId ?? 'c',
      correlationId: 'c',
      data,
    };
    if (onTarget) this.#revision += 1;
    void this.#handlers.get(type)?.(event as unknown as RecordedEvent);
    return this;
  }

  released(
    version = 1,
    options: {
      readonly clusters?: readonly string[];
      readonly kind?: 'Automatic' | 'Rollback';
      readonly generation?: number;
    } = {},
  ): this {
    const renderDigest = digest(`render-${version}`);
    return this.add('VersionReleased', {
      application: APPLICATION,
      environment: 'production',
      version,
      releaseId: `release-${options.generation ?? version}`,
      generation: options.generation ?? version,
      kind: options.kind ?? 'Automatic',
      renderDigest,
      clusters: options.clusters ?? ['kube'],
      approvals: [],
      keyId: 'k',
      signature: 's',
    });
  }

  started(
    version = 1,
    options: { readonly cause?: EventData<'SyncStarted'>['cause']; readonly causationId?: string } = {},
  ): this {
    const data = {
      ...AT,
      syncId: `sync-${version}`,
      version,
      releaseId: `release-${version}`,
      generation: version,
      renderDigest: digest(`render-${version}`),
      cause: options.cause ?? 'Release',
      inventoryDigest: digest('i'),
      objectCount: 1,
    } as const;
    return this.add('SyncStarted', data, options.causationId === undefined ? {} : { causationId: options.causationId });
  }

  completed(
    result: 'Succeeded' | 'Failed' | 'Partial' = 'Succeeded',
    options: {
      readonly version?: number;
      readonly reason?: string;
      readonly retryable?: boolean;
      readonly cause?: EventData<'SyncCompleted'>['cause'];
      readonly atMs?: number;
    } = {},
  ): this {
    const version = options.version ?? 1;
    return this.add(
      'SyncCompleted',
      {
        ...AT,
        syncId: `sync-${version}`,
        version,
        renderDigest: digest(`render-${version}`),
        cause: options.cause ?? 'Release',
        result,
        reason: options.reason ?? 'Applied',
        message: '',
        changes: noChanges,
        inventoryDigest: digest('i'),
        objectCount: 1,
        durationMs: 1,
        retryable: options.retryable ?? false,
      },
      { atMs: options.atMs ?? NOW - 60_000 },
    );
  }

  synced(version = 1): this {
    return this.started(version).completed('Succeeded', { version });
  }

  decide(facts: Partial<LiveFacts> = {}): Decision {
    return decide(this.fleet, this.fleet.target(ID), {
      nowMs: NOW,
      ready: true,
      connectedAtMs: 0,
      deletionDone: false,
      claimFree: false,
      kindArrived: false,
      ...facts,
    });
  }
}

describe('what is due for a target', () => {
  it('is nothing without a release, and nothing for a cluster that the release does not list', () => {
    expect(new History().decide()).toEqual({ type: 'none' });
    expect(new History().released(1, { clusters: ['other'] }).decide()).toEqual({ type: 'none' });
  });

  it('is a sync of the newest release, once', () => {
    const history = new History().released(1).released(2);
    expect(history.decide()).toMatchObject({ type: 'sync', cause: 'Release', release: { data: { version: 2 } } });
    expect(history.synced(2).decide()).toEqual({ type: 'none' });
  });

  it('is a sync with cause Rollback for the release of an older version', () => {
    expect(
      new History()
        .released(1)
        .synced(1)
        .released(2)
        .synced(2)
        .released(1, { kind: 'Rollback', generation: 3 })
        .decide(),
    ).toMatchObject({ type: 'sync', cause: 'Rollback', release: { data: { version: 1 } } });
  });

  it('is nothing for a new generation that only adds other clusters', () => {
    expect(
      new History()
        .released(1)
        .synced(1)
        .released(1, { generation: 2, clusters: ['kube', 'other'] })
        .decide(),
    ).toEqual({ type: 'none' });
  });

  it('waits while the cluster cannot be reached', () => {
    expect(new History().released(1).decide({ ready: false })).toEqual({ type: 'none' });
  });

  it('is the same run again after a crash, and its end when a newer release came', () => {
    expect(new History().released(1).started(1).decide()).toMatchObject({
      type: 'resume',
      superseded: false,
      running: { data: { syncId: 'sync-1' } },
    });
    expect(new History().released(1).started(1).released(2).decide()).toMatchObject({
      type: 'resume',
      superseded: true,
    });
  });

  it('is a retry after a growing gap for what may pass, and nothing for what cannot', () => {
    const failed = (times: number, retryable: boolean): History => {
      const history = new History().released(1);
      for (let index = 0; index < times; index += 1) history.started(1).completed('Failed', { retryable, atMs: NOW });
      return history;
    };
    const wait = (times: number): number => {
      const decision = failed(times, true).decide();
      return decision.type === 'wait' ? decision.untilMs - NOW : -1;
    };
    expect([wait(1), wait(2), wait(3)]).toEqual([2_000, 4_000, 8_000]);
    expect(wait(20)).toBe(300_000);
    expect(failed(1, true).decide({ nowMs: NOW + 2_000 })).toMatchObject({ type: 'sync', cause: 'Retry' });
    expect(failed(1, false).decide({ nowMs: NOW + 1e9 })).toEqual({ type: 'none' });
    expect(failed(3, false).released(2).decide()).toMatchObject({ type: 'sync', release: { data: { version: 2 } } });
  });

  it.each(['deletionDone', 'claimFree', 'kindArrived'] as const)(
    'is a retry at once when the cluster shows %s, but not over and over',
    (fact) => {
      const history = new History().released(1).started(1).completed('Partial', { atMs: NOW });
      expect(history.decide({ [fact]: true })).toMatchObject({ type: 'sync', cause: 'Retry' });
      for (let index = 0; index < 8; index += 1) history.started(1).completed('Partial', { atMs: NOW });
      expect(history.decide({ [fact]: true })).toMatchObject({ type: 'wait' });
    },
  );

  it('is a retry at once when a cluster that was lost in the middle is back', () => {
    const history = new History()
      .released(1)
      .started(1)
      .completed('Failed', { reason: 'ClusterUnreachable', retryable: true, atMs: NOW - 100 });
    expect(history.decide()).toMatchObject({ type: 'wait' });
    expect(history.decide({ connectedAtMs: NOW - 50 })).toMatchObject({ type: 'sync', cause: 'Retry' });
  });

  it('answers a request once, also one that was on its way while another sync ran, and keeps its confirmation for retries', () => {
    const history = new History()
      .released(1)
      .synced(1)
      .add('SyncRequested', { application: APPLICATION, confirmPrune: true });
    const decision = history.decide();
    expect(decision).toMatchObject({ type: 'sync', cause: 'Request', confirmPrune: true });
    const trigger = decision.type === 'sync' ? decision.trigger.eventId : '';
    history
      .started(1, { cause: 'Request', causationId: trigger })
      .completed('Failed', { retryable: true, cause: 'Request' });
    expect(history.decide({ nowMs: NOW + 1e6 })).toMatchObject({ type: 'sync', cause: 'Retry', confirmPrune: true });
    history.started(1, { cause: 'Retry' }).completed();
    expect(history.decide()).toEqual({ type: 'none' });
  });

  it('heals drift after a moment, later each time it comes back, and not where healing is off', () => {
    const drift = { ...AT, objects: [{ key: 'k', kind: 'Changed' as const, fields: ['data.a'], actors: [] }] };
    const drifted = (times: number, options = {}): History => {
      const history = new History(options).released(1).synced(1);
      for (let index = 0; index < times; index += 1) {
        history.add('DriftDetected', drift, { atMs: NOW });
        if (index < times - 1)
          history.started(1, { cause: 'SelfHeal' }).completed('Succeeded', { cause: 'SelfHeal', atMs: NOW });
      }
      return history;
    };
    const wait = (times: number): number => {
      const decision = drifted(times).decide();
      return decision.type === 'wait' ? decision.untilMs - NOW : -1;
    };
    expect([wait(1), wait(2), wait(4), wait(6)]).toEqual([300, 300, 1_200, 4_800]);
    expect(drifted(1).decide({ nowMs: NOW + 300 })).toMatchObject({ type: 'sync', cause: 'SelfHeal' });
    expect(drifted(1, { selfHeal: false }).decide({ nowMs: NOW + 300 })).toEqual({ type: 'none' });
    expect(
      drifted(1)
        .add('DriftResolved', AT)
        .decide({ nowMs: NOW + 300 }),
    ).toEqual({ type: 'none' });
  });

  it('writes nothing while the application is suspended, and says so to who asks', () => {
    const history = new History().add('ApplicationSuspended', { application: APPLICATION }).released(1);
    expect(history.decide()).toEqual({ type: 'none' });
    history.add('SyncRequested', { application: APPLICATION, confirmPrune: false });
    expect(history.decide()).toMatchObject({ type: 'refuse', reason: 'Suspended' });
    expect(history.add('ApplicationResumed', { application: APPLICATION }).decide()).toMatchObject({ type: 'sync' });
  });

  it('removes when the application goes, when the cluster is no longer selected, and when the environment is gone', () => {
    const synced = (): History => new History().released(1).synced(1);
    expect(synced().add('ApplicationRemoved', { application: APPLICATION, mode: 'Orphan' }).decide()).toMatchObject({
      type: 'remove',
      mode: 'Orphan',
      touch: true,
    });
    expect(synced().released(1, { generation: 2, clusters: [] }).decide()).toMatchObject({
      type: 'remove',
      mode: 'Delete',
      touch: true,
    });
    const spec = applicationSpec.parse({
      repository: 'shop',
      environments: [{ name: 'other', clusters: { names: ['kube'] } }],
    });
    expect(synced().add('ApplicationDeclared', { application: APPLICATION, labels: {}, spec }).decide()).toMatchObject({
      type: 'remove',
      mode: 'Delete',
    });
    expect(
      synced()
        .add('ApplicationRemoved', { application: APPLICATION, mode: 'Delete' })
        .add('TargetRemoved', { ...AT, mode: 'Delete', changes: noChanges })
        .decide(),
    ).toEqual({ type: 'none' });
  });

  it('touches nothing when a suspended application is removed, or its cluster is gone', () => {
    const suspended = new History()
      .released(1)
      .synced(1)
      .add('ApplicationSuspended', { application: APPLICATION })
      .add('ApplicationRemoved', { application: APPLICATION, mode: 'Delete' });
    expect(suspended.decide()).toMatchObject({ type: 'remove', mode: 'Orphan', touch: false });
    const gone = new History()
      .released(1)
      .synced(1)
      .add('ClusterRemoved', { name: 'kube' })
      .add('ApplicationRemoved', { application: APPLICATION, mode: 'Delete' });
    expect(gone.decide({ ready: false })).toMatchObject({ type: 'remove', touch: false });
  });

  it('keeps what an application has when it is removed and declared anew before its objects are gone', () => {
    const history = new History()
      .released(1)
      .synced(1)
      .add('ApplicationRemoved', { application: APPLICATION, mode: 'Delete' });
    const spec = applicationSpec.parse({
      repository: 'shop',
      environments: [{ name: 'production', clusters: { names: ['kube'] } }],
    });
    expect(history.add('ApplicationDeclared', { application: APPLICATION, labels: {}, spec }).decide()).toEqual({
      type: 'none',
    });
  });
});
