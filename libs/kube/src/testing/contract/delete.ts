// SPDX-License-Identifier: Apache-2.0
import { expect } from 'vitest';
import type { KubeObject } from '../../types.js';
import { type Check, configMap, deployment } from './bench.js';

const job = (namespace: string): KubeObject => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'j', namespace },
  spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'a' }] } } },
});

/** Deletes, preconditions, propagation, finalizers, namespaces. */
export function deleteChecks(check: Check): void {
  check('deletes, and says Success', async (bench) => {
    const namespace = await bench.namespace();
    await bench.apply(configMap(namespace, 'a'));
    const answer = await bench.raw('DELETE', `/api/v1/namespaces/${namespace}/configmaps/a`, '{}');
    expect(answer).toMatchObject({ status: 200, body: { kind: 'Status', status: 'Success', details: { name: 'a' } } });
    expect(await bench.get(configMap(namespace, 'a'))).toBeUndefined();
    expect(await bench.delete(configMap(namespace, 'a'))).toEqual({ object: undefined, gone: true });
    expect((await bench.raw('DELETE', `/api/v1/namespaces/${namespace}/configmaps/a`)).status).toBe(404);
  });

  check('refuses a delete whose uid or resourceVersion does not fit', async (bench) => {
    const namespace = await bench.namespace();
    const { object } = await bench.apply(configMap(namespace, 'a', { x: '1' }));
    const { uid = '', resourceVersion = '' } = object.metadata;
    await expect(bench.delete(object, { uid: '00000000-0000-4000-8000-000000000000' })).rejects.toMatchObject({
      status: 409,
      reason: 'Conflict',
      code: 'PLB-6102',
    });
    await bench.apply(configMap(namespace, 'a', { x: '2' }));
    await expect(bench.delete(object, { resourceVersion })).rejects.toMatchObject({ status: 409 });
    expect(await bench.get(object)).toBeDefined();
    expect((await bench.delete(object, { uid })).gone).toBe(true);
  });

  check('does not delete in a dry run', async (bench) => {
    const namespace = await bench.namespace();
    const { object } = await bench.apply(configMap(namespace, 'a'));
    await bench.delete(object, { dryRun: true });
    expect(await bench.get(object)).toEqual(object);
  });

  check(
    'leaves a finalizer behind when dependants are orphaned or awaited, and none in the background',
    async (bench) => {
      const namespace = await bench.namespace();
      const orphaned = await bench.apply(configMap(namespace, 'orphan'));
      expect(await bench.delete(orphaned.object, { propagationPolicy: 'Orphan' })).toMatchObject({
        gone: false,
        object: { metadata: { finalizers: ['orphan'] } },
      });
      const awaited = await bench.apply(deployment(namespace, 'foreground'));
      expect(await bench.delete(awaited.object, { propagationPolicy: 'Foreground' })).toMatchObject({
        gone: false,
        object: { metadata: { finalizers: ['foregroundDeletion'], deletionTimestamp: expect.any(String) } },
      });
      const background = await bench.apply(deployment(namespace, 'background'));
      expect((await bench.delete(background.object)).gone).toBe(true);
      expect((await bench.get(orphaned.object))?.metadata.finalizers).toEqual(['orphan']);
      expect((await bench.get(awaited.object))?.metadata.finalizers).toEqual(['foregroundDeletion']);
    },
  );

  check('deletes a Job in the background when asked to', async (bench) => {
    const namespace = await bench.namespace();
    await bench.apply(job(namespace));
    expect((await bench.delete(job(namespace))).gone).toBe(true);
    expect(await bench.get(job(namespace))).toBeUndefined();
  });

  check('waits for finalizers: a deletionTimestamp, then gone with the last of them', async (bench) => {
    const namespace = await bench.namespace();
    const resource = await bench.resource('v1', 'ConfigMap');
    await bench.apply(configMap(namespace, 'a', {}, { finalizers: ['example.org/x', 'example.org/y'] }));
    const first = await bench.delete(configMap(namespace, 'a'));
    expect(first).toMatchObject({
      gone: false,
      object: { metadata: { deletionTimestamp: expect.any(String), deletionGracePeriodSeconds: 0 } },
    });
    const again = await bench.delete(configMap(namespace, 'a'));
    expect(again.object?.metadata.deletionTimestamp).toBe(first.object?.metadata.deletionTimestamp);
    await expect(
      bench.client.patch(
        resource,
        { namespace, name: 'a' },
        { merge: { metadata: { finalizers: ['example.org/x', 'example.org/y', 'example.org/new'] } } },
      ),
    ).rejects.toMatchObject({ status: 422 });
    expect(
      (
        await bench.client.patch(
          resource,
          { namespace, name: 'a' },
          { merge: { metadata: { finalizers: ['example.org/x'] } } },
        )
      ).metadata.finalizers,
    ).toEqual(['example.org/x']);
    await bench.client.patch(resource, { namespace, name: 'a' }, { merge: { metadata: { finalizers: null } } });
    expect(await bench.get(configMap(namespace, 'a'))).toBeUndefined();
  });

  check('tells a watch of a held delete first as a change, then as the delete', async (bench) => {
    const namespace = await bench.namespace();
    const resource = await bench.resource('v1', 'ConfigMap');
    const { object } = await bench.apply(configMap(namespace, 'a', {}, { finalizers: ['example.org/x'] }));
    await bench.delete(object);
    await bench.client.patch(resource, { namespace, name: 'a' }, { merge: { metadata: { finalizers: null } } });
    const lines = await bench.watch(
      'v1',
      'ConfigMap',
      { namespace, resourceVersion: object.metadata.resourceVersion ?? '', timeoutSeconds: 30 },
      { enough: (seen) => seen.some(({ type }) => type === 'DELETED') },
    );
    expect(lines.map(({ type }) => type)).toEqual(['MODIFIED', 'DELETED']);
  });

  check('still lets an object that is being deleted be applied', async (bench) => {
    const namespace = await bench.namespace();
    await bench.apply(configMap(namespace, 'a', { x: '1' }, { finalizers: ['example.org/x'] }));
    await bench.delete(configMap(namespace, 'a'));
    const { object, created } = await bench.apply(
      configMap(namespace, 'a', { x: '2' }, { finalizers: ['example.org/x'] }),
    );
    expect(created).toBe(false);
    expect(object.metadata.deletionTimestamp).toBeDefined();
  });

  check('gives a new uid to an object that is made again', async (bench) => {
    const namespace = await bench.namespace();
    const { object } = await bench.apply(configMap(namespace, 'a'));
    await bench.delete(object);
    const again = await bench.apply(configMap(namespace, 'a'));
    expect(again.created).toBe(true);
    expect(again.object.metadata.uid).not.toBe(object.metadata.uid);
  });

  check('deletes a collection by selector', async (bench) => {
    const namespace = await bench.namespace();
    await bench.apply(configMap(namespace, 'a', {}, { labels: { app: 'x' } }));
    await bench.apply(configMap(namespace, 'b'));
    expect((await bench.raw('DELETE', `/api/v1/namespaces/${namespace}/configmaps?labelSelector=app%3Dx`)).status).toBe(
      200,
    );
    const { items } = await bench.client.list(await bench.resource('v1', 'ConfigMap'), { namespace });
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['b']);
  });

  check('keeps a namespace Terminating until its finalizer is removed, and lets nothing new into it', async (bench) => {
    const name = await bench.namespace();
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    await bench.apply(configMap(name, 'old'));
    const deleted = await bench.delete(namespace);
    expect(deleted).toMatchObject({
      gone: false,
      object: { metadata: { deletionTimestamp: expect.any(String) }, status: { phase: 'Terminating' } },
    });
    await expect(bench.apply(configMap(name, 'new'))).rejects.toMatchObject({
      status: 403,
      denial: { by: 'namespace-terminating' },
      retry: 'after-delay',
    });
    expect((await bench.apply(configMap(name, 'old', { still: 'writable' }))).created).toBe(false);
    await bench.delete(configMap(name, 'old'));
    const live = await bench.get(namespace);
    const finalized = await bench.raw(
      'PUT',
      `/api/v1/namespaces/${name}/finalize`,
      JSON.stringify({ ...live, spec: { finalizers: [] } }),
    );
    expect(finalized.status).toBe(200);
    expect(await bench.get(namespace)).toBeUndefined();
  });

  check('refuses to delete the namespaces of the system', async (bench) => {
    await expect(
      bench.delete({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system' } }),
    ).rejects.toMatchObject({ status: 403 });
    await expect(
      bench.delete({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } }),
    ).rejects.toMatchObject({ status: 403 });
  });
}
