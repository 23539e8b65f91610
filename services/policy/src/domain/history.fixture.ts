// SPDX-License-Identifier: Apache-2.0
import {
  applicationSpec,
  checkNewEvent,
  type CommitInfo,
  type EventData,
  type EventType,
  type RecordedEvent,
} from '@plumbline/events';
import { eventHandlersOf } from '@plumbline/reactor';
import { PolicyEvents } from '../policy.events.js';
import { PolicyState } from './state.js';

const DIGEST = `sha256:${'a'.repeat(64)}`;

/** A commit by somebody. */
export function commitBy(email: string, sha = 'c'.repeat(40)): CommitInfo {
  const person = { name: email.split('@')[0] ?? email, email };
  return {
    sha,
    author: person,
    committer: person,
    coAuthors: [],
    message: 'change',
    authoredAt: '2026-01-01T00:00:00Z',
    committedAt: '2026-01-01T00:00:00Z',
  };
}

/** Hands a history to the handlers of the policy service, event by event, as the log would have it. */
export class History {
  readonly state = new PolicyState();
  readonly #handlers = eventHandlersOf(new PolicyEvents(this.state), 'policy');
  #position = 0;

  /** Folds one event (checked against its schema) and returns it. */
  add<Type extends EventType>(
    type: Type,
    data: EventData<Type>,
    options: { readonly actor?: string; readonly causationId?: string } = {},
  ): RecordedEvent {
    const position = this.#position++;
    const id = `01900000-0000-7000-8000-${String(position).padStart(12, '0')}`;
    const at = new Date(1_767_225_600_000 + position * 1000).toISOString();
    const event = {
      ...checkNewEvent({ type, data }),
      id,
      schemaVersion: 1,
      stream: 'log-fixture',
      revision: position,
      position,
      occurredAt: at,
      recordedAt: at,
      actor: { kind: 'user', id: options.actor ?? 'tester', name: options.actor ?? 'tester' },
      causationId: options.causationId ?? id,
      correlationId: id,
    } as RecordedEvent;
    void this.#handlers.get(type)?.(event);
    return event;
  }

  /** Two clusters and `default/web` with staging before production; production wants the given number of approvals. */
  web(approvals = 0): this {
    this.add('ClusterDeclared', { name: 'east', labels: { tier: 'staging' }, spec: { simulated: {} } });
    this.add('ClusterDeclared', { name: 'west', labels: { tier: 'production' }, spec: { simulated: {} } });
    const spec = applicationSpec.parse({
      repository: 'shop',
      namespace: 'web',
      environments: [
        { name: 'staging', clusters: { matchLabels: { tier: 'staging' } } },
        {
          name: 'production',
          after: ['staging'],
          clusters: { matchLabels: { tier: 'production' } },
          ...(approvals === 0 ? {} : { approvals: { required: approvals } }),
        },
      ],
    });
    this.add('ApplicationDeclared', { application: 'default/web', labels: {}, spec });
    return this;
  }

  /** Version `version` of an environment, rendered from a commit. */
  rendered(
    environment: string,
    version: number,
    options: { readonly author?: string; readonly digest?: string } = {},
  ): RecordedEvent {
    return this.add('VersionRendered', {
      application: 'default/web',
      environment,
      version,
      repository: 'shop',
      revision: String(version).repeat(40).slice(0, 40),
      commit: commitBy(options.author ?? 'dev@example.com'),
      inputDigest: DIGEST,
      renderDigest: options.digest ?? digestOf(version),
      sourcesDigest: DIGEST,
      renderer: 'plain',
      objectCount: 1,
      namespace: 'web',
      createNamespace: true,
    });
  }

  /** A release of a version to a cluster. */
  released(
    environment: string,
    version: number,
    options: {
      readonly cluster?: string;
      readonly clusters?: readonly string[];
      readonly kind?: 'Automatic' | 'Rollback';
      readonly generation?: number;
    } = {},
  ): RecordedEvent {
    return this.add('VersionReleased', {
      application: 'default/web',
      environment,
      version,
      releaseId: `r${version}`,
      generation: options.generation ?? version,
      kind: options.kind ?? 'Automatic',
      renderDigest: digestOf(version),
      clusters: options.clusters ?? [options.cluster ?? 'east'],
      approvals: [],
      keyId: 'k',
      signature: 's',
    });
  }

  /** A sync that succeeded and left everything in the given health. */
  synced(environment: string, cluster: string, version: number, health: 'Healthy' | 'Degraded' = 'Healthy'): void {
    const at = { application: 'default/web', environment, cluster };
    const changes = { counts: {}, digest: DIGEST, inline: [], truncated: false };
    this.add('SyncCompleted', {
      ...at,
      syncId: 's',
      version,
      renderDigest: digestOf(version),
      cause: 'Release',
      result: 'Succeeded',
      reason: 'Succeeded',
      message: '',
      changes,
      inventoryDigest: DIGEST,
      objectCount: 1,
      durationMs: 1,
      retryable: false,
    });
    this.add('HealthChanged', { ...at, health, reason: health, message: '', objects: [] });
  }
}

/** The render digest that the fixture gives to a version. */
export function digestOf(version: number): string {
  return `sha256:${String(version).padStart(64, '0')}`;
}
