// SPDX-License-Identifier: Apache-2.0
import { Digest } from '@plumbline/core';
import { describe, expect, it } from 'vitest';
import { type KindAnswer, type RenderedEntry, resolveSet } from './identity.js';

const entry = (key: string, apiVersion = 'v1'): RenderedEntry => ({ key, apiVersion, digest: Digest.of(key) });
const namespaced: KindAnswer = { type: 'known', namespaced: true, pending: false };
const clusterWide: KindAnswer = { type: 'known', namespaced: false, pending: false };

function resolve(
  entries: readonly RenderedEntry[],
  kinds: Readonly<Record<string, KindAnswer>>,
  namespace?: string,
): ReturnType<typeof resolveSet> {
  return resolveSet({
    entries,
    namespace,
    kindOf: (_, kind) => kinds[kind] ?? namespaced,
    sources: new Map(entries.map(({ key }, index) => [key, `file-${index}.yaml#0`])),
  });
}

describe('identities', () => {
  it('take the default namespace where none is named, and none on cluster-scoped objects', () => {
    const { wanted } = resolve(
      [entry('/ConfigMap//a'), entry('/ConfigMap/own/b'), entry('/Node/odd/c')],
      { Node: clusterWide },
      'web',
    );
    expect(wanted.map(({ key }) => key)).toEqual(['/ConfigMap/web/a', '/ConfigMap/own/b', '/Node//c']);
  });

  it('refuse a namespaced object without any namespace', () => {
    expect(resolve([entry('/ConfigMap//a')], {}).refused).toMatchObject([
      { reason: 'NamespaceRequired', source: 'file-0.yaml#0' },
    ]);
  });

  it('refuse what is one object after defaulting, across versions too, and name every place', () => {
    const { refused } = resolve(
      [entry('apps/Deployment//a', 'apps/v1'), entry('apps/Deployment/web/a', 'apps/v1beta1'), entry('/ConfigMap//a')],
      {},
      'web',
    );
    expect(refused).toMatchObject([
      {
        key: 'apps/Deployment/web/a',
        reason: 'DuplicateObject',
        message: expect.stringContaining('file-0.yaml#0 and file-1.yaml#0') as string,
      },
    ]);
  });

  it('keep unknown kinds apart from kinds that nobody could tell about', () => {
    const { unresolved, undetermined, wanted } = resolve(
      [entry('x.io/Gone//a', 'x.io/v1'), entry('y.io/Dark//a', 'y.io/v1'), entry('/ConfigMap//a')],
      {
        Gone: { type: 'missing', what: 'group', hint: 'no such group' },
        Dark: { type: 'undetermined', reason: 'the aggregated API did not answer' },
      },
      'web',
    );
    expect(unresolved.map(({ reason }) => reason)).toEqual(['UnknownGroup', 'DiscoveryFailed']);
    expect(undetermined).toBe(true);
    expect(wanted).toHaveLength(1);
  });
});
