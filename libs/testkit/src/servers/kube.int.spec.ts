// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { describeWith } from '../vitest/index.js';
import { startKube, type EtcdFlavour, type KubeServer } from './kube.js';

const configMaps = '/api/v1/namespaces/default/configmaps';

async function apply(kube: KubeServer, name: string, data: Record<string, string>): Promise<number> {
  const { status } = await kube.request('PATCH', `${configMaps}/${name}?fieldManager=test`, {
    contentType: 'application/apply-patch+yaml',
    body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data },
  });
  return status;
}

describeWith('kube', 'the real API server', () => {
  it('is the pinned version, applies objects, and tells in its audit log who sent what', async () => {
    await using kube = await startKube({ audit: 'RequestResponse' });
    expect((await kube.request('GET', '/version')).body.gitVersion).toMatch(/^v1\.35\./);
    expect(await apply(kube, 'a', { key: 'value' })).toBe(201);
    const events = await kube.auditEvents();
    const patch = events.find((event) => event.verb === 'patch' && event.objectRef?.name === 'a');
    expect(patch).toMatchObject({
      userAgent: 'plumbline-testkit',
      user: { username: 'envtest-admin' },
      responseStatus: { code: 201 },
      requestObject: { data: { key: 'value' } },
    });
  });

  it('keeps port, certificates and data over a restart and a kill', async () => {
    await using kube = await startKube();
    const { url } = kube;
    await apply(kube, 'kept', { key: 'value' });
    await kube.restart();
    expect(kube.url).toBe(url);
    expect((await kube.request('GET', `${configMaps}/kept`)).body.data).toEqual({ key: 'value' });
    await kube.killApiServer();
    await expect(kube.request('GET', '/readyz')).rejects.toThrow(/ECONNREFUSED/);
    await kube.startApiServer();
    expect((await kube.request('GET', `${configMaps}/kept`)).status).toBe(200);
  });

  it('knows other users, who may do nothing at first', async () => {
    await using kube = await startKube();
    const user = await kube.addUser('eve', ['visitors']);
    const { status, body } = await kube.request('GET', configMaps, { as: user });
    expect(status).toBe(403);
    expect(body.message).toContain('User "eve" cannot list resource "configmaps"');
  });

  it('is gone after disposal, with its files', async () => {
    const kube = await startKube();
    await kube[Symbol.asyncDispose]();
    await expect(kube.request('GET', '/readyz')).rejects.toThrow(/ECONNREFUSED/);
    expect(existsSync(kube.workDir)).toBe(false);
  });
});

const streaming: readonly { etcd: EtcdFlavour; need: 'kube' | 'kube:etcd-3.4'; title: string; first: object }[] = [
  { etcd: 'newest', need: 'kube', title: 'serves streaming lists', first: { type: 'BOOKMARK' } },
  {
    etcd: 'debian34',
    need: 'kube:etcd-3.4',
    title: 'refuses streaming lists in the first event of the stream, after status 200',
    first: { type: 'ERROR', object: { message: expect.stringContaining('RequestWatchProgress is disabled') } },
  },
];

for (const { etcd, need, title, first } of streaming) {
  describeWith(need, `the API server on etcd ${etcd}`, () => {
    it(title, async () => {
      await using kube = await startKube({ etcd });
      const query =
        'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1';
      const response = await kube.request('GET', `${configMaps}?${query}`);
      expect(response).toMatchObject({ status: 200, body: first });
    });
  });
}
