// SPDX-License-Identifier: Apache-2.0
import { type LiveCluster, POD_FATE_ANNOTATION, type PodFate, startLiveCluster } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { KubeClient } from '../client.js';
import { connectKube } from '../transports/undici-transport.js';
import type { ApiResource, KubeObject } from '../types.js';
import { ResourceWatch } from '../watch.js';
import { dig } from '../testing/contract/bench.js';
import type { ObjectHealth } from './health-rule.js';
import { healthOf } from './health.js';

function podTemplate(app: string, image: string, fate?: PodFate): object {
  return {
    metadata: { labels: { app }, annotations: fate === undefined ? {} : { [POD_FATE_ANNOTATION]: fate } },
    spec: { containers: [{ name: 'main', image }] },
  };
}

function workload(
  kind: string,
  name: string,
  options: { readonly image?: string; readonly fate?: PodFate; readonly spec?: object } = {},
): KubeObject {
  const { image = 'example.org/app:1', fate, spec = {} } = options;
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, namespace: 'default' },
    spec: { selector: { matchLabels: { app: name } }, template: podTemplate(name, image, fate), ...spec },
  };
}

function job(name: string, spec: object = {}, fate?: PodFate): KubeObject {
  const template = dig(podTemplate(name, 'example.org/job:1', fate));
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: 'default' },
    spec: { ...spec, template: { ...template, spec: { ...dig(template, 'spec'), restartPolicy: 'Never' } } },
  };
}

describeWith('live-cluster', 'health on a cluster with real controllers', () => {
  let cluster: LiveCluster;
  let client: KubeClient;
  beforeAll(async () => {
    cluster = await startLiveCluster();
    client = new KubeClient(await connectKube({ kubeconfig: { path: cluster.kubeconfigPath } }));
  });
  afterAll(async () => {
    await client.close();
    await cluster[Symbol.asyncDispose]();
  });

  async function resourceOf(object: KubeObject): Promise<ApiResource> {
    const lookup = await client.discovery.resourceFor(object.apiVersion, object.kind);
    if ('found' in lookup) return lookup.found;
    throw new Error(JSON.stringify(lookup));
  }

  /**
   * Applies, then watches until the health is as wanted; gives every different health on the way, the first that of
   * the apply's own answer.
   */
  async function settle(object: KubeObject, wanted: (health: ObjectHealth) => boolean): Promise<ObjectHealth[]> {
    const resource = await resourceOf(object);
    const applied = (await client.apply(resource, object, { force: true })).object;
    const options = {
      appliedGeneration: applied.metadata.generation,
      hasStatus: resource.subresources.includes('status'),
    };
    const judge = (live: KubeObject): ObjectHealth => healthOf(live, { ...options, nowMs: Date.now() });
    const seen = [judge(applied)];
    const done = Promise.withResolvers<void>();
    const watch = new ResourceWatch(client, resource, {
      namespace: 'default',
      fieldSelector: `metadata.name=${object.metadata.name}`,
      onEvent: (event) => {
        if (event.type !== 'added' && event.type !== 'modified') return;
        const health = judge(event.object);
        if (health.reason !== seen.at(-1)?.reason || health.message !== seen.at(-1)?.message) seen.push(health);
        if (wanted(health)) done.resolve();
      },
    }).start();
    const timer = setTimeout(() => done.reject(new Error(`not as wanted: ${JSON.stringify(seen)}`)), 120_000);
    await done.promise.finally(() => clearTimeout(timer));
    await watch.stop();
    return seen;
  }

  const states = (seen: readonly ObjectHealth[]): string[] => [...new Set(seen.map(({ state }) => state))];
  const isHealthy = ({ state }: ObjectHealth): boolean => state === 'Healthy';

  async function images(app: string): Promise<string[]> {
    const pods = await client.list(await resourceOf({ apiVersion: 'v1', kind: 'Pod', metadata: { name: '' } }), {
      namespace: 'default',
      labelSelector: `app=${app}`,
    });
    return pods.items
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map((pod) => dig(pod, 'spec', 'containers', 0, 'image'));
  }

  it('a Deployment: progressing until every pod is of the new revision, at the first roll-out and at an update', async () => {
    expect(states(await settle(workload('Deployment', 'web', { spec: { replicas: 3 } }), isHealthy))).toEqual([
      'Progressing',
      'Healthy',
    ]);
    const update = await settle(
      workload('Deployment', 'web', { image: 'example.org/app:2', spec: { replicas: 3 } }),
      isHealthy,
    );
    expect(update[0]).toMatchObject({ state: 'Progressing', reason: 'NotObserved' });
    expect(states(update)).toEqual(['Progressing', 'Healthy']);
    expect(await images('web')).toEqual(Array(3).fill('example.org/app:2'));
  });

  it('a Deployment whose pods crash: progressing, then degraded by its deadline, then healthy once mended', async () => {
    const bad = await settle(
      workload('Deployment', 'bad', { fate: 'crash', spec: { progressDeadlineSeconds: 2 } }),
      ({ state }) => state === 'Degraded',
    );
    expect(states(bad)).toEqual(['Progressing', 'Degraded']);
    expect(bad.at(-1)).toMatchObject({ reason: 'ProgressDeadlineExceeded' });
    const mended = await settle(
      workload('Deployment', 'bad', { image: 'example.org/app:2', spec: { progressDeadlineSeconds: 2 } }),
      isHealthy,
    );
    expect(mended.at(-1)?.state).toBe('Healthy');
    expect(mended[0]?.state).toBe('Progressing');
  });

  it('a paused Deployment is suspended', async () => {
    const seen = await settle(
      workload('Deployment', 'paused', { spec: { paused: true } }),
      ({ state }) => state === 'Suspended',
    );
    expect(seen.at(-1)).toMatchObject({ reason: 'Paused' });
  });

  it('a StatefulSet: pod by pod, and again at an update', async () => {
    const spec = { replicas: 2, serviceName: 'db' };
    expect(states(await settle(workload('StatefulSet', 'db', { spec }), isHealthy))).toEqual([
      'Progressing',
      'Healthy',
    ]);
    expect(
      states(await settle(workload('StatefulSet', 'db', { image: 'example.org/app:2', spec }), isHealthy)),
    ).toEqual(['Progressing', 'Healthy']);
    expect(await images('db')).toEqual(Array(2).fill('example.org/app:2'));
  });

  it('a DaemonSet: on both nodes', async () => {
    const seen = await settle(workload('DaemonSet', 'agent'), isHealthy);
    expect(states(seen)).toEqual(['Progressing', 'Healthy']);
    expect(await images('agent')).toHaveLength(2);
  });

  it('a Job: running is not healthy, complete is; failed is degraded; suspended is suspended', async () => {
    expect(states(await settle(job('once'), isHealthy))).toEqual(['Progressing', 'Healthy']);
    const failed = await settle(job('never', { backoffLimit: 0 }, 'fail'), ({ state }) => state === 'Degraded');
    expect(failed.at(-1)).toMatchObject({ reason: 'BackoffLimitExceeded' });
    expect(states(await settle(job('later', { suspend: true }), ({ state }) => state === 'Suspended'))).not.toContain(
      'Healthy',
    );
  });

  it('a Job that its time to live removed is done, not missing', async () => {
    const once = job('vanishing', { ttlSecondsAfterFinished: 1 });
    const resource = await resourceOf(once);
    let lastKnown: KubeObject | undefined;
    const gone = Promise.withResolvers<void>();
    const watch = new ResourceWatch(client, resource, {
      namespace: 'default',
      fieldSelector: 'metadata.name=vanishing',
      onEvent: (event) => {
        if (event.type === 'deleted') gone.resolve();
        else if (event.type !== 'synced') lastKnown = event.object;
      },
    }).start();
    await client.apply(resource, once);
    await gone.promise;
    await watch.stop();
    expect(healthOf(undefined, { nowMs: Date.now(), lastKnown })).toMatchObject({
      state: 'Healthy',
      reason: 'Complete',
    });
  });

  it('a PodDisruptionBudget once its controller has counted, a PersistentVolumeClaim not without a volume', async () => {
    const budget: KubeObject = {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'web', namespace: 'default' },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
    };
    expect(states(await settle(budget, isHealthy))).toEqual(['Progressing', 'Healthy']);
    const claim: KubeObject = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data', namespace: 'default' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    };
    expect((await settle(claim, ({ reason }) => reason === 'Pending')).at(-1)?.state).toBe('Progressing');
  });

  it('an APIService without a backend: not healthy, and only its own group is unknown to discovery', async () => {
    const service: KubeObject = {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: 'v1.broken.example.org' },
      spec: {
        group: 'broken.example.org',
        version: 'v1',
        groupPriorityMinimum: 1_000,
        versionPriority: 10,
        insecureSkipTLSVerify: true,
        service: { name: 'none', namespace: 'default' },
      },
    };
    const seen = await settle(service, ({ reason }) => reason === 'ServiceNotFound');
    expect(states(seen)).toEqual(['Progressing']);
    await expect
      .poll(
        async () => {
          client.discovery.invalidate();
          return client.discovery.resourceFor('broken.example.org/v1', 'Thing');
        },
        { timeout: 60_000, interval: 200 },
      )
      .toMatchObject({ unknown: expect.any(String) });
    expect(await client.discovery.resourceFor('apps/v1', 'Deployment')).toMatchObject({
      found: { kind: 'Deployment' },
    });
    await client.delete(await resourceOf(service), undefined, 'v1.broken.example.org', {
      propagationPolicy: 'Background',
    });
  });
});
