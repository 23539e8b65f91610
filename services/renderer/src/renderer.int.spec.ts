// SPDX-License-Identifier: Apache-2.0
import { ApplicationId, StreamName, UpstreamError } from '@plumbline/core';
import { createTestLog } from '@plumbline/audit/testing';
import type { ObjectStore } from '@plumbline/object-store';
import { MemoryObjectStore } from '@plumbline/object-store/memory';
import { describe, expect, it } from 'vitest';
import { configMap, startBench, until } from './renderer.fixture.js';

const twoEnvironments = (paths: readonly [string, string]): Record<string, unknown> => ({
  environments: [
    { name: 'staging', clusters: { names: ['one'] }, path: paths[0] },
    { name: 'production', clusters: { names: ['two'] }, path: paths[1] },
  ],
});
const kustomize = {
  'web/base/kustomization.yaml': 'resources: [app.yaml]\n',
  'web/base/app.yaml': configMap('app', { a: '1' }),
};
const overlay = (name: string): string => `resources: [../../base]\nnameSuffix: -${name}\n`;

describe('the renderer', () => {
  it('renders a directory of manifests into version 1, objects by digest, as part of the way of the commit', async () => {
    await using bench = await startBench();
    const sha = await bench.repository.commit({
      files: {
        'web/a.yaml': configMap('a', { k: 'v' }),
        'web/b.json': JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'b', namespace: 'x' } }),
        'web/README.md': '# no',
        'web/deeper/c.yaml': configMap('c'),
      },
    });
    await bench.declare('web', { path: 'web', namespace: 'shop' });
    const observed = await bench.observe(sha);
    const rendered = await bench.event('VersionRendered');
    expect(rendered).toMatchObject({
      stream: 'version-default/web/1',
      causationId: observed.id,
      correlationId: observed.correlationId,
      data: {
        application: 'default/web',
        environment: 'staging',
        version: 1,
        revision: sha,
        renderer: 'plain/1',
        objectCount: 2,
        namespace: 'shop',
        createNamespace: true,
      },
    });
    expect(await bench.objects(rendered.data.renderDigest)).toEqual({
      '/ConfigMap//a': { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { k: 'v' } },
      '/Service/x/b': { apiVersion: 'v1', kind: 'Service', metadata: { name: 'b', namespace: 'x' } },
    });
    expect(JSON.parse(await bench.store.get(rendered.data.sourcesDigest as never))).toEqual({
      sources: { '/ConfigMap//a': 'web/a.yaml#0', '/Service/x/b': 'web/b.json#0' },
    });
  });

  it('gives an application that a commit does not touch no event and no render', async () => {
    await using bench = await startBench();
    const first = await bench.repository.commit({
      files: {
        'web/a.yaml': configMap('a'),
        'api/a.yaml': configMap('b'),
        ...kustomize,
        'web/overlays/s/kustomization.yaml': overlay('s'),
      },
    });
    await bench.declare('web', { path: 'web' });
    await bench.declare('api', { path: 'api' });
    await bench.declare('over', { path: 'web/overlays/s' });
    await bench.observe(first);
    await bench.event('VersionRendered', 3);
    const before = bench.renderer.renders;
    const second = await bench.repository.commit({
      files: {
        'api/a.yaml': configMap('b', { changed: 'yes' }),
        'README.md': 'x',
        'web/deeper/x.yaml': configMap('x'),
      },
    });
    await bench.observe(second);
    expect((await bench.event('VersionRendered', 4)).data).toMatchObject({
      application: 'default/api',
      version: 2,
      revision: second,
    });
    await bench.settled();
    expect(await bench.events('VersionRendered')).toHaveLength(4);
    expect(bench.renderer.renders - before).toBe(1);
    await bench.restart();
    await bench.settled();
    expect(await bench.events('VersionRendered')).toHaveLength(4);
    expect(bench.renderer.renders).toBe(0);
  });

  it('renders per overlay, numbers all environments of one revision alike, and only those that changed', async () => {
    await using bench = await startBench();
    const first = await bench.repository.commit({
      files: {
        ...kustomize,
        'web/overlays/staging/kustomization.yaml': overlay('staging'),
        'web/overlays/production/kustomization.yaml': overlay('production'),
      },
    });
    await bench.declare('web', twoEnvironments(['web/overlays/staging', 'web/overlays/production']));
    await bench.observe(first);
    await bench.event('VersionRendered', 2);
    const versions = await bench.events('VersionRendered');
    expect(versions.map(({ data, stream }) => [stream, data.environment, data.version, data.renderer])).toEqual([
      ['version-default/web/1', 'staging', 1, expect.stringMatching(/^kustomize\/v5/)],
      ['version-default/web/1', 'production', 1, expect.stringMatching(/^kustomize\/v5/)],
    ]);
    expect(Object.keys(await bench.objects(versions[1]?.data.renderDigest ?? ''))).toEqual([
      '/ConfigMap//app-production',
    ]);
    await bench.observe(
      await bench.repository.commit({
        files: {
          'web/overlays/production/kustomization.yaml': `${overlay('production')}commonAnnotations: {x: "1"}\n`,
        },
      }),
    );
    expect((await bench.event('VersionRendered', 3)).data).toMatchObject({ environment: 'production', version: 2 });
    await bench.observe(
      await bench.repository.commit({ files: { 'web/base/app.yaml': configMap('app', { a: '2' }) } }),
    );
    await bench.event('VersionRendered', 5);
    expect(
      (await bench.events('VersionRendered')).slice(3).map(({ data }) => [data.environment, data.version]),
    ).toEqual([
      ['staging', 3],
      ['production', 3],
    ]);
  });

  it('renders once per distinct input, however many environments and applications share it', async () => {
    await using bench = await startBench();
    const sha = await bench.repository.commit({ files: kustomize });
    await bench.declare('web', twoEnvironments(['web/base', 'web/base']));
    await bench.declare('twin', { path: './web//base/' });
    await bench.observe(sha);
    await bench.event('VersionRendered', 3);
    expect(bench.renderer.renders).toBe(1);
    expect(new Set((await bench.events('VersionRendered')).map(({ data }) => data.renderDigest)).size).toBe(1);
  });

  it('appends nothing when other inputs give the same objects', async () => {
    await using bench = await startBench();
    await bench.declare('web', { path: 'web' });
    await bench.observe(await bench.repository.commit({ files: { 'web/a.yaml': configMap('a', { k: 'v' }) } }));
    await bench.event('VersionRendered');
    await bench.observe(
      await bench.repository.commit({
        files: { 'web/a.yaml': `# a comment\n${configMap('a', { k: 'v' })}`, 'web/empty.yaml': '---\n' },
      }),
    );
    await bench.settled();
    expect(await bench.events('VersionRendered')).toHaveLength(1);
  });

  it('makes a new version when only the namespace settings changed', async () => {
    await using bench = await startBench();
    await bench.observe(await bench.repository.commit({ files: { 'web/a.yaml': configMap('a') } }));
    await bench.declare('web', { path: 'web', namespace: 'one' });
    const first = await bench.event('VersionRendered');
    await bench.declare('web', { path: 'web', namespace: 'two' });
    const second = await bench.event('VersionRendered', 2);
    expect(second.data).toMatchObject({ version: 2, namespace: 'two', renderDigest: first.data.renderDigest });
    await bench.declare('web', { path: 'web', namespace: 'two', createNamespace: false });
    expect((await bench.event('VersionRendered', 3)).data).toMatchObject({ version: 3, createNamespace: false });
  });

  it('answers a declaration by the declaration, a later commit by the commit', async () => {
    await using bench = await startBench();
    const observed = await bench.observe(await bench.repository.commit({ files: { 'web/a.yaml': configMap('a') } }));
    await bench.declare('web', { path: 'web' });
    const [declared] = await bench.events('ApplicationDeclared');
    const rendered = await bench.event('VersionRendered');
    expect(rendered.causationId).toBe(declared?.id);
    expect(rendered.correlationId).not.toBe(observed.correlationId);
  });

  it('says once per revision why an environment cannot be rendered, and goes on with the others', async () => {
    await using bench = await startBench();
    const sha = await bench.repository.commit({
      files: { 'good/a.yaml': configMap('a'), 'bad/a.yaml': 'kind: ConfigMap\n' },
    });
    await bench.declare('web', twoEnvironments(['good', 'bad']));
    await bench.declare('lost', { path: 'not/there' });
    await bench.observe(sha);
    await bench.event('RenderFailed', 2);
    const failures = Object.fromEntries((await bench.events('RenderFailed')).map(({ data, stream }) => [stream, data]));
    expect(failures['application-default/web']).toMatchObject({
      environment: 'production',
      revision: sha,
      reason: 'InvalidManifest',
      file: 'bad/a.yaml',
      message: expect.stringContaining('document 1'),
    });
    expect(failures['application-default/lost']).toMatchObject({
      reason: 'PathNotFound',
      message: expect.stringContaining('"not/there"'),
    });
    expect((await bench.event('VersionRendered')).data).toMatchObject({ environment: 'staging', version: 1 });
    await bench.restart();
    await bench.settled();
    expect((await bench.events('RenderFailed')).filter(({ data }) => data.application === 'default/web')).toHaveLength(
      1,
    );
    const next = await bench.repository.commit({ files: { unrelated: 'x' } });
    await bench.observe(next);
    await until('the failure of the next revision', async () =>
      (await bench.events('RenderFailed')).find(
        ({ data }) => data.revision === next && data.application === 'default/web',
      ),
    );
    await bench.observe(await bench.repository.commit({ files: { 'bad/a.yaml': configMap('fixed') } }));
    expect((await bench.event('VersionRendered', 2)).data).toMatchObject({ environment: 'production', version: 2 });
  });

  it('allows an empty result, and says how many objects it has', async () => {
    await using bench = await startBench();
    await bench.declare('web', { path: 'web' });
    await bench.observe(await bench.repository.commit({ files: { 'web/README.md': 'nothing yet' } }));
    expect((await bench.event('VersionRendered')).data.objectCount).toBe(0);
  });

  it('keeps Secrets out of the log and unreadable in the store', async () => {
    await using bench = await startBench();
    await bench.declare('web', { path: 'web' });
    const secret = (extra: string): string =>
      `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  password: canary-hunter2\n${extra}`;
    await bench.observe(await bench.repository.commit({ files: { 'web/s.yaml': secret('') } }));
    const rendered = await bench.event('VersionRendered');
    const set = JSON.parse(await bench.store.get(rendered.data.renderDigest as never)) as {
      objects: { digest: string }[];
    };
    const stored = await bench.store.get(set.objects[0]?.digest as never);
    expect(stored).not.toMatch(new RegExp(`canary|${Buffer.from('canary-hunter2').toString('base64').slice(0, 12)}`));
    expect((await bench.objects(rendered.data.renderDigest))['/Secret//s']).toMatchObject({
      data: { password: Buffer.from('canary-hunter2').toString('base64') },
    });
    const broken = [
      secret('  password: canary-twice\n'),
      secret('  pin: [canary-list]\n'),
      secret(' bad indent: canary-x\n'),
      `${secret('')}unknown: canary-y\n`,
    ];
    for (const [index, text] of broken.entries()) {
      const sha = await bench.repository.commit({ files: { 'web/s.yaml': text } });
      await bench.observe(sha);
      await bench.event('RenderFailed', index + 1);
    }
    expect(JSON.stringify((await bench.log.read({ from: 0 })).events)).not.toContain('canary');
  });

  it('leaves out a revision that was passed over while it rendered', async () => {
    await using bench = await startBench();
    await bench.declare('web', { path: 'web' });
    const first = await bench.repository.commit({ files: { 'web/a.yaml': configMap('a') } });
    const second = await bench.repository.commit({ files: { 'web/a.yaml': configMap('b') } });
    await bench.observe(first);
    await bench.observe(second);
    await until('the newest', async () =>
      (await bench.events('VersionRendered')).find(({ data }) => data.revision === second),
    );
    const numbers = (await bench.events('VersionRendered')).map(({ data }) => data.version);
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  });

  it('tries again while the store or the repository is away, and tells after a while', async () => {
    const memory = new MemoryObjectStore();
    let isAway = true;
    const store: ObjectStore = {
      put: (contents) =>
        isAway
          ? Promise.reject(new UpstreamError('PLB-6020', 'the object store cannot be reached'))
          : memory.put(contents),
      get: (digest) => memory.get(digest),
      getMany: (digests) => memory.getMany(digests),
    };
    await using bench = await startBench({ store });
    await bench.declare('web', { path: 'web' });
    const sha = await bench.repository.commit({ files: { 'web/a.yaml': configMap('a') } });
    await bench.observe(sha);
    expect((await bench.event('RenderFailed')).data).toMatchObject({
      revision: sha,
      reason: 'Unavailable',
      message: expect.stringContaining('object store'),
    });
    isAway = false;
    expect((await bench.event('VersionRendered')).data).toMatchObject({ revision: sha, version: 1 });
    expect(await bench.events('RenderFailed')).toHaveLength(1);
  });

  it('does not let an environment that takes too long hold up another', async () => {
    await using bench = await startBench({ settings: { PLUMBLINE_RENDERER_TIMEOUT_SECONDS: '1' } });
    // Twenty thousand patches of one object keep kustomize busy.
    const patches = Array.from(
      { length: 20_000 },
      (_, index) =>
        `- patch: '[{"op": "add", "path": "/data/k${index}", "value": "v"}]'\n  target: {kind: ConfigMap}\n`,
    ).join('');
    const sha = await bench.repository.commit({
      files: {
        'good/a.yaml': configMap('a'),
        'slow/kustomization.yaml': `resources: [a.yaml]\npatches:\n${patches}`,
        'slow/a.yaml': configMap('a', { a: 'a' }),
      },
    });
    await bench.declare('web', twoEnvironments(['slow', 'good']));
    await bench.observe(sha);
    expect((await bench.event('VersionRendered')).data).toMatchObject({ environment: 'production', version: 1 });
    expect((await bench.event('RenderFailed')).data).toMatchObject({
      environment: 'staging',
      reason: 'Unavailable',
      message: expect.stringContaining('longer than 1 s'),
    });
    expect(await bench.events('VersionRendered')).toHaveLength(1);
  });

  it('does not render an application that is being removed, and numbers on when it comes back', async () => {
    await using bench = await startBench();
    await bench.declare('web', { path: 'web' });
    await bench.observe(await bench.repository.commit({ files: { 'web/a.yaml': configMap('a') } }));
    await bench.event('VersionRendered');
    await bench.append('gateway', [
      {
        stream: StreamName.application(ApplicationId.parse('web')),
        event: { type: 'ApplicationRemoved', data: { application: 'default/web', mode: 'Delete' } },
      },
    ]);
    await bench.observe(await bench.repository.commit({ files: { 'web/a.yaml': configMap('b') } }));
    await bench.settled();
    expect(await bench.events('VersionRendered')).toHaveLength(1);
    await bench.declare('web', { path: 'web' });
    expect((await bench.event('VersionRendered', 2)).data.version).toBe(2);
  });

  it('renders 200 applications of one commit quickly, with one read of the tree and few of contents', async () => {
    await using test = await createTestLog();
    await using bench = await startBench({ log: test.log });
    const files: Record<string, string> = {};
    const names = Array.from({ length: 200 }, (_, index) => `app-${index}`);
    for (const name of names)
      for (const kind of ['one', 'two', 'three', 'four'])
        files[`${name}/${kind}.yaml`] = configMap(`${name}-${kind}`, { kind });
    const sha = await bench.repository.commit({ files });
    for (const name of names) await bench.declare(name, { path: name });
    const began = performance.now();
    await bench.observe(sha);
    await bench.event('VersionRendered', 200);
    const firstMs = performance.now() - began;
    const one = await bench.repository.commit({
      files: { 'app-7/one.yaml': configMap('app-7-one', { kind: 'changed' }) },
    });
    const before = bench.renderer.renders;
    await bench.observe(one);
    await bench.event('VersionRendered', 201);
    await bench.renderer.whenIdle();
    expect(bench.renderer.renders - before).toBe(1);
    expect(await bench.events('VersionRendered')).toHaveLength(201);
    // Far above what it takes (see the benchmark).
    expect(firstMs).toBeLessThan(60_000);
  });
});
