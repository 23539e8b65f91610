// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { durationMs, resource, selectsCluster } from './index.js';
import { payloads } from './payloads.js';

const application = (spec: object): object => ({
  apiVersion: 'plumbline.dev/v1alpha1',
  kind: 'Application',
  metadata: { name: 'web' },
  spec,
});
const environments = [{ name: 'staging', clusters: { names: ['east'] } }];

describe('resources', () => {
  it('fill in their defaults', () => {
    const parsed = resource.parse(application({ repository: 'shop', environments }));
    expect(parsed).toMatchObject({
      metadata: { project: 'default', labels: {} },
      spec: { ref: 'main', path: '.', renderer: 'auto', createNamespace: true },
    });
    expect(parsed.kind === 'Application' && parsed.spec.environments[0]?.sync).toEqual({
      prune: true,
      selfHeal: true,
      timeout: '5m',
      allowEmpty: false,
      atomic: false,
    });
  });

  it.each([
    [
      'an environment twice',
      { repository: 'shop', environments: [...environments, ...environments] },
      /declared twice/,
    ],
    [
      'after an environment that comes later',
      { repository: 'shop', environments: [{ ...environments[0], after: ['production'] }] },
      /declared above/,
    ],
    ['a path out of the repository', { repository: 'shop', path: '../x', environments }, /inside the repository/],
    ['an empty selector', { repository: 'shop', environments: [{ name: 'a', clusters: {} }] }, /matchLabels or names/],
    ['a misspelt field', { repository: 'shop', envs: [], environments }, /envs/],
  ])('refuse %s', (_, spec, message) => {
    const result = resource.safeParse(application(spec));
    expect(result.success ? '' : result.error.message).toMatch(message);
  });

  it('refuse a password in a repository URL and a cluster with two connections', () => {
    const metadata = { name: 'x' };
    const base = { apiVersion: 'plumbline.dev/v1alpha1', metadata };
    expect(
      resource.safeParse({ ...base, kind: 'Repository', spec: { url: 'https://u:p@git.example.com/x' } }).success,
    ).toBe(false);
    expect(
      resource.safeParse({ ...base, kind: 'Cluster', spec: { kubeconfig: { path: '/a' }, inCluster: {} } }).success,
    ).toBe(false);
  });

  it('refuse a simulated cluster with the remedy, while events that declare one are still read', () => {
    const cluster = {
      apiVersion: 'plumbline.dev/v1alpha1',
      kind: 'Cluster',
      metadata: { name: 'east' },
      spec: { simulated: {} },
    };
    expect(resource.safeParse(cluster).error?.issues[0]).toMatchObject({
      path: ['spec'],
      message: expect.stringContaining('start plumbline-simulated-cluster') as string,
    });
    const data = { name: 'east', labels: {}, spec: { simulated: {} } };
    expect(payloads.ClusterDeclared.parse(data)).toEqual(data);
  });

  it('name the secret of a subscription by exactly one reference, and never hold it', () => {
    const of = (spec: object): boolean =>
      resource.safeParse({
        apiVersion: 'plumbline.dev/v1alpha1',
        kind: 'Subscription',
        metadata: { name: 'chat' },
        spec: { url: 'https://hooks.example.com/', ...spec },
      }).success;
    expect([
      of({ secretFile: '/etc/secret' }),
      of({ secretEnv: 'PLUMBLINE_CRED_CHAT' }),
      of({ secretEnv: 'PLUMBLINE_CRED_CHAT', after: -1, paused: true }),
    ]).toEqual([true, true, true]);
    expect([
      of({}),
      of({ secretFile: '/a', secretEnv: 'PLUMBLINE_CRED_A' }),
      of({ secretEnv: 'HOME' }),
      of({ secret: 'abc' }),
      of({ secretFile: '/a', after: -2 }),
    ]).toEqual([false, false, false, false, false]);
  });

  it('select clusters by every label and by name', () => {
    const cluster = { name: 'east', labels: { tier: 'staging', region: 'eu' } };
    expect(selectsCluster({ matchLabels: { tier: 'staging' } }, cluster)).toBe(true);
    expect(selectsCluster({ matchLabels: { tier: 'staging', region: 'us' } }, cluster)).toBe(false);
    expect(selectsCluster({ names: ['west'], matchLabels: { tier: 'staging' } }, cluster)).toBe(false);
  });

  it('read durations', () => {
    expect(durationMs('1h30m')).toBe(5_400_000);
    expect(durationMs('1500ms')).toBe(1_500);
  });
});
