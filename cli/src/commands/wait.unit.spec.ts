// SPDX-License-Identifier: Apache-2.0
import type { EnvironmentStatus } from '@plumbline/api-client';
import type { TargetView, VersionView } from '@plumbline/read-models';
import { describe, expect, it } from 'vitest';
import { verdictOn } from './wait.js';

const since = '2026-01-01T00:00:00Z';

function version(number: number, state: VersionView['decision']['state']): VersionView {
  const person = { name: 'a', email: 'a@example.com' };
  return {
    application: 'default/web',
    environment: 'production',
    version: number,
    repository: 'shop',
    revision: 'a'.repeat(40),
    inputDigest: '',
    renderDigest: '',
    sourcesDigest: '',
    commit: {
      sha: 'a'.repeat(40),
      author: person,
      committer: person,
      coAuthors: [],
      message: 'm',
      authoredAt: since,
      committedAt: since,
    },
    renderer: 'plain',
    objectCount: 1,
    createNamespace: true,
    renderedAt: since,
    position: 1,
    eventId: 'e',
    correlationId: 'c',
    decision: { state, reason: state, message: state, since },
    verdicts: [],
    releases: [],
    plans: {},
  };
}

function environment(parts: {
  latest?: VersionView;
  released?: VersionView;
  sync?: TargetView['sync']['state'];
  health?: TargetView['health']['state'];
  targetVersion?: number;
}): EnvironmentStatus {
  const target: TargetView = {
    id: 'default/web/production/west',
    application: 'default/web',
    environment: 'production',
    cluster: 'west',
    ...(parts.targetVersion === undefined ? {} : { version: parts.targetVersion }),
    sync: { state: parts.sync ?? 'Synced', reason: 'x', message: 'x', since },
    health: { state: parts.health ?? 'Healthy', reason: 'x', message: 'x', since },
    unhealthy: [],
    drift: [],
    objectCount: 1,
  };
  return {
    name: 'production',
    targetCount: 1,
    sync: target.sync,
    health: target.health,
    targets: parts.released === undefined ? [] : [target],
    ...(parts.latest === undefined ? {} : { latest: parts.latest }),
    ...(parts.released === undefined ? {} : { released: parts.released }),
  };
}

describe('what is waited for', () => {
  it('is there when every target has the released version and is healthy', () => {
    expect(
      verdictOn(environment({ released: version(2, 'Released'), targetVersion: 2 }), { for: 'healthy', version: 2 }),
    ).toEqual({ type: 'done' });
  });

  it('is not there while health lags behind the sync', () => {
    const lagging = environment({ released: version(2, 'Released'), targetVersion: 2, health: 'Progressing' });
    expect(verdictOn(lagging, { for: 'healthy' }).type).toBe('waiting');
    expect(verdictOn(lagging, { for: 'synced' }).type).toBe('done');
  });

  it('waits while the version waits for approval, and gives up when it is rejected or blocked', () => {
    const released = version(1, 'Released');
    expect(
      verdictOn(environment({ released, latest: version(2, 'WaitingApproval'), targetVersion: 1 }), {
        for: 'synced',
        version: 2,
      }).type,
    ).toBe('waiting');
    expect(
      verdictOn(environment({ released, latest: version(2, 'Rejected'), targetVersion: 1 }), {
        for: 'synced',
        version: 2,
      }).type,
    ).toBe('failed');
    expect(
      verdictOn(environment({ released, latest: version(2, 'Blocked'), targetVersion: 1 }), {
        for: 'synced',
        version: 2,
      }).type,
    ).toBe('failed');
  });

  it('gives up on a commit that cannot be rendered', () => {
    const broken = {
      ...environment({ released: version(1, 'Released'), targetVersion: 1 }),
      renderError: { revision: 'beef00', reason: 'Invalid', message: 'no', at: since },
    };
    expect(verdictOn(broken, { for: 'synced', awaited: 'beef' }).type).toBe('failed');
    expect(verdictOn(broken, { for: 'synced', awaited: 'cafe' }).type).toBe('waiting');
  });
});
