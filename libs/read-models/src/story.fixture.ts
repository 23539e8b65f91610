// SPDX-License-Identifier: Apache-2.0
import { applicationSpec, checkNewEvent, type EventData, type EventType, type RecordedEvent } from '@plumbline/events';
import { targetKey, ViewStore } from './index.js';

export const APP = 'default/web';
export const digest = (n: number): string => `sha256:${String(n).padStart(64, '0')}`;
const person = { name: 'dev', email: 'dev@example.com' };
export const commit = {
  sha: 'c'.repeat(40),
  author: person,
  committer: person,
  coAuthors: [],
  message: 'change',
  authoredAt: '2026-01-01T00:00:00Z',
  committedAt: '2026-01-01T00:00:00Z',
};
export const at = { application: APP, environment: 'staging', cluster: 'east' };
export const changes = { counts: { Created: 1 }, digest: digest(9), inline: [], truncated: false };

/** Folds events of one application, built step by step. */
export class Story {
  readonly views = new ViewStore();
  readonly events: RecordedEvent[] = [];

  add<Type extends EventType>(type: Type, data: EventData<Type>): this {
    const position = this.events.length;
    const id = `01900000-0000-7000-8000-${String(position).padStart(12, '0')}`;
    const time = new Date(1_767_225_600_000 + position * 1000).toISOString();
    const event = {
      ...checkNewEvent({ type, data }),
      id,
      schemaVersion: 1,
      stream: 'log-story',
      revision: position,
      position,
      occurredAt: time,
      recordedAt: time,
      actor: { kind: 'service', id: 'x', name: 'x' },
      causationId: id,
      correlationId: id,
    } as RecordedEvent;
    this.events.push(event);
    this.views.apply(event);
    return this;
  }

  declared(): this {
    const spec = applicationSpec.parse({
      repository: 'shop',
      environments: [{ name: 'staging', clusters: { names: ['east'] } }],
    });
    return this.add('ClusterDeclared', { name: 'east', labels: {}, spec: { simulated: {} } }).add(
      'ApplicationDeclared',
      { application: APP, labels: {}, spec },
    );
  }

  rendered(version: number): this {
    return this.add('VersionRendered', {
      application: APP,
      environment: 'staging',
      version,
      repository: 'shop',
      revision: 'c'.repeat(40),
      commit,
      inputDigest: digest(0),
      renderDigest: digest(version),
      sourcesDigest: digest(8),
      renderer: 'plain',
      objectCount: 1,
      createNamespace: true,
    });
  }

  released(version: number, generation: number, clusters: readonly string[] = ['east']): this {
    return this.add('VersionReleased', {
      application: APP,
      environment: 'staging',
      version,
      releaseId: `r${generation}`,
      generation,
      kind: 'Automatic',
      renderDigest: digest(version),
      clusters,
      approvals: [],
      keyId: 'k',
      signature: 's',
    });
  }

  synced(version: number, result: 'Succeeded' | 'Failed' = 'Succeeded'): this {
    return this.add('SyncStarted', {
      ...at,
      syncId: `s${version}`,
      version,
      releaseId: 'r',
      generation: 1,
      renderDigest: digest(version),
      cause: 'Release',
      inventoryDigest: digest(7),
      objectCount: 1,
    }).add('SyncCompleted', {
      ...at,
      syncId: `s${version}`,
      version,
      renderDigest: digest(version),
      cause: 'Release',
      result,
      reason: result,
      message: '',
      changes,
      inventoryDigest: digest(7),
      objectCount: 1,
      durationMs: 5,
      retryable: false,
    });
  }

  get target(): ReturnType<ViewStore['get']> {
    return this.views.get('target', targetKey(APP, 'staging', 'east'));
  }
}
