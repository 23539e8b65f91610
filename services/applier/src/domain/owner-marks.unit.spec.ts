// SPDX-License-Identifier: Apache-2.0
import { TargetId } from '@plumbline/core';
import { describe, expect, it } from 'vitest';
import { Marks, ownerOf, parseOwner, protectionOf, targetLabel } from './owner-marks.js';

const id = TargetId.of('default/shop', 'production', 'kube');
const key = 'rbac.authorization.k8s.io/ClusterRole//plumb:reader';

describe('marks', () => {
  it('survive the way to the cluster and back, also with odd names', () => {
    const marked = new Marks('main', id).mark(
      { apiVersion: 'v1', kind: 'X', metadata: { name: 'x', namespace: 'lost', labels: { a: 'b' } } },
      key,
      undefined,
    );
    expect(marked.metadata).toEqual({
      name: 'x',
      labels: { a: 'b', 'plumbline.dev/target': targetLabel('main', id) },
      annotations: { 'plumbline.dev/owner': `main/${id}:${key}` },
    });
    expect(parseOwner(marked.metadata.annotations?.['plumbline.dev/owner'])).toEqual({
      installation: 'main',
      target: id,
      key,
    });
    expect(new Marks('main', id).isOn(marked.metadata, key)).toBe(true);
  });

  it('do not count on a copy, on garbage, or for another target', () => {
    const annotation = new Marks('main', id).annotationFor(key);
    expect(ownerOf(annotation, key)).toBeDefined();
    expect(ownerOf(annotation, `${key}-copy`)).toBeUndefined();
    expect(ownerOf('somebody', key)).toBeUndefined();
    expect(ownerOf(undefined, key)).toBeUndefined();
    expect(targetLabel('main', id)).not.toBe(targetLabel('other', id));
  });

  it('are valid label values for the longest names', () => {
    const long = 'x'.repeat(63);
    expect(targetLabel(long, TargetId.of(`${long}/${long}`, long, long))).toMatch(/^[a-z0-9]{1,63}$/);
  });
});

describe('protection from deletion', () => {
  const object = (annotations: Readonly<Record<string, string>>) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'x', annotations },
  });
  it.each([
    ['plumbline.dev/prune', 'disabled'],
    ['kustomize.toolkit.fluxcd.io/prune', 'disabled'],
    ['argocd.argoproj.io/sync-options', 'Validate=false, Prune=false'],
    ['argocd.argoproj.io/sync-options', 'Delete=false'],
    ['helm.sh/resource-policy', 'keep'],
    ['client.lifecycle.config.k8s.io/deletion', 'detach'],
    ['cli-utils.sigs.k8s.io/on-remove', 'keep'],
  ])('is given by %s: %s', (annotation, value) => {
    expect(protectionOf(object({ [annotation]: value }))).toContain(annotation);
    expect(protectionOf(object({ [annotation]: 'no' }))).toBeUndefined();
  });

  it('is given to namespaces of the cluster', () => {
    for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease'])
      expect(protectionOf({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })).toContain(name);
    expect(protectionOf({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'web' } })).toBeUndefined();
  });
});
