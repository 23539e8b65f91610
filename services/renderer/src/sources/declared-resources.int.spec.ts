// SPDX-License-Identifier: Apache-2.0
import { StreamName } from '@plumbline/core';
import { repositorySpec } from '@plumbline/events';
import { describe, expect, it } from 'vitest';
import { startBench } from '../renderer.fixture.js';

const cluster = (name: string): string =>
  `apiVersion: plumbline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: ${name}}\nspec: {inCluster: {}}\n`;
type Bench = Awaited<ReturnType<typeof startBench>>;

async function follow(bench: Bench, path: string): Promise<void> {
  const spec = repositorySpec.parse({ url: bench.repository.url, resources: { path } });
  await bench.append('gateway', [
    {
      stream: StreamName.repository('shop'),
      event: { type: 'RepositoryDeclared', data: { name: 'shop', labels: {}, spec } },
    },
  ]);
}

describe('resources that a repository declares', () => {
  it('are read with their files, as part of the way of the commit', async () => {
    await using bench = await startBench();
    await follow(bench, 'fleet');
    const sha = await bench.repository.commit({
      files: {
        'fleet/a.yaml': `${cluster('a')}---\n${cluster('b')}`,
        'fleet/README.md': 'x',
        'other.yaml': cluster('c'),
      },
    });
    const observed = await bench.observe(sha);
    const read = await bench.event('ResourcesRead');
    expect(read).toMatchObject({
      causationId: observed.id,
      correlationId: observed.correlationId,
      data: { repository: 'shop', ref: 'main', revision: sha, count: 2 },
    });
    const { resources } = JSON.parse(await bench.store.get(read.data.digest as never)) as {
      resources: { source: string; resource: { metadata: { name: string } } }[];
    };
    expect(resources.map(({ source, resource }) => [source, resource.metadata.name])).toEqual([
      ['fleet/a.yaml#0', 'a'],
      ['fleet/a.yaml#1', 'b'],
    ]);
  });

  it('are not read again for a commit that leaves them as they are, also after a restart', async () => {
    await using bench = await startBench();
    await follow(bench, 'fleet');
    const sha = await bench.repository.commit({ files: { 'fleet/a.yaml': cluster('a') } });
    await bench.observe(sha);
    const { data } = await bench.event('ResourcesRead');
    await bench.append('gateway', [
      {
        stream: StreamName.repository('shop'),
        event: {
          type: 'ResourcesApplied',
          data: { repository: 'shop', revision: sha, digest: data.digest, changes: [] },
        },
      },
    ]);
    await bench.observe(await bench.repository.commit({ files: { 'README.md': 'x' } }));
    await bench.settled();
    await bench.restart();
    await bench.settled();
    expect(await bench.events('ResourcesRead')).toHaveLength(1);
    await bench.observe(await bench.repository.commit({ files: { 'fleet/b.yaml': cluster('b') } }));
    expect((await bench.event('ResourcesRead', 2)).data.count).toBe(2);
  });

  it('that cannot be read are said so once, with the file, and are read when a commit mends them', async () => {
    await using bench = await startBench();
    await follow(bench, 'fleet');
    const sha = await bench.repository.commit({ files: { 'fleet/a.yaml': 'kind: Cluster\nkind: Cluster\n' } });
    await bench.observe(sha);
    const unreadable = await bench.event('ResourcesUnreadable');
    expect(unreadable.data).toMatchObject({
      revision: sha,
      reason: 'DuplicateKey',
      message: expect.stringContaining('fleet/a.yaml') as string,
    });
    await bench.settled();
    await bench.restart();
    await bench.settled();
    expect(await bench.events('ResourcesUnreadable')).toHaveLength(1);
    await bench.observe(await bench.repository.commit({ files: { 'fleet/a.yaml': cluster('a') } }));
    expect((await bench.event('ResourcesRead')).data.count).toBe(1);
  });
});
