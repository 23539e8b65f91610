// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { projectSpec } from './resources.js';
import { matchesLabels, projectAllows, projectForbidsKind, selectedClusters, selectsCluster } from './selection.js';

const east = { name: 'east', labels: { tier: 'production', region: 'eu' } };
const west = { name: 'west', labels: { tier: 'staging' } };

describe('the selection of clusters', () => {
  it.each([
    ['by name', { names: ['east'] }, true],
    ['by another name', { names: ['west'] }, false],
    ['by one label', { matchLabels: { tier: 'production' } }, true],
    ['by labels of which one differs', { matchLabels: { tier: 'production', region: 'us' } }, false],
    ['by a label that the cluster does not have', { matchLabels: { zone: 'a' } }, false],
    ['by name and label', { names: ['east', 'west'], matchLabels: { tier: 'production' } }, true],
    ['by a name whose cluster lacks the label', { names: ['east'], matchLabels: { tier: 'staging' } }, false],
    ['by no names', { names: [], matchLabels: { tier: 'production' } }, false],
  ])('%s', (_, selector, expected) => {
    expect(selectsCluster(selector, east)).toBe(expected);
  });

  it('selects nothing with an empty selector', () => {
    expect(selectsCluster({}, east)).toBe(false);
    expect(selectsCluster({ matchLabels: {} }, east)).toBe(false);
  });

  it('does not take inherited members for labels', () => {
    expect(matchesLabels({}, { constructor: 'x' })).toBe(false);
  });

  it('keeps the order of the clusters', () => {
    expect(selectedClusters({ names: ['west', 'east'] }, [east, west])).toEqual([east, west]);
  });
});

describe('the limits of a project', () => {
  const project = projectSpec.parse({
    repositories: ['shop', 'shop-*'],
    clusters: ['eu-*'],
    namespaces: ['*'],
    forbiddenKinds: ['Secret', 'ClusterRole.rbac.authorization.k8s.io'],
  });

  it.each([
    ['repositories', 'shop', true],
    ['repositories', 'shop-web', true],
    ['repositories', 'shopping', false],
    ['repositories', 'other', false],
    ['clusters', 'eu-1', true],
    ['clusters', 'us-1', false],
    ['namespaces', 'anything', true],
  ] as const)('of %s, a name %s: %s', (limit, name, expected) => {
    expect(projectAllows(project, limit, name)).toBe(expected);
  });

  it('do not exist without a project', () => {
    expect(projectAllows(undefined, 'clusters', 'us-1')).toBe(true);
    expect(projectForbidsKind(undefined, { group: '', kind: 'Secret' })).toBe(false);
  });

  it('forbid a kind in all groups, or in one', () => {
    expect(projectForbidsKind(project, { group: '', kind: 'Secret' })).toBe(true);
    expect(projectForbidsKind(project, { group: 'example.com', kind: 'Secret' })).toBe(true);
    expect(projectForbidsKind(project, { group: 'rbac.authorization.k8s.io', kind: 'ClusterRole' })).toBe(true);
    expect(projectForbidsKind(project, { group: 'example.com', kind: 'ClusterRole' })).toBe(false);
  });
});
