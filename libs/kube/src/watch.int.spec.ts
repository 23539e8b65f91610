// SPDX-License-Identifier: Apache-2.0
import { type KubeServer, startKube } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { KubeClient } from './client.js';
import { isGone } from './errors.js';
import { InterruptedTransport } from './testing/interrupted-transport.js';
import { WatchRecorder } from './testing/watch-recorder.js';
import { connectKube } from './transports/undici-transport.js';
import type { ApiResource, KubeObject } from './types.js';
import { ResourceWatch, type WatchOptions } from './watch.js';

const configMaps: ApiResource = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
  verbs: [],
  preferred: true,
  subresources: [],
};
const namespaces: ApiResource = { ...configMaps, kind: 'Namespace', plural: 'namespaces', namespaced: false };

function configMap(namespace: string, name: string, value = '1', labels: Record<string, string> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels }, data: { value } };
}

/** A client for changes, and one whose network the test owns. */
class Bench implements AsyncDisposable {
  readonly recorder = new WatchRecorder();
  private constructor(
    readonly direct: KubeClient,
    readonly network: InterruptedTransport,
    readonly client: KubeClient,
    readonly namespace: string,
  ) {}

  static async of(server: KubeServer, namespace: string): Promise<Bench> {
    const connection = { kubeconfig: { path: server.kubeconfigPath } };
    const direct = new KubeClient(await connectKube(connection));
    const network = new InterruptedTransport(await connectKube(connection));
    await direct.apply(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    return new Bench(direct, network, new KubeClient(network), namespace);
  }

  watch(options: Partial<WatchOptions> = {}): ResourceWatch {
    const { onEvent, onStatus } = this.recorder;
    return new ResourceWatch(this.client, configMaps, {
      namespace: this.namespace,
      onEvent,
      onStatus,
      backoff: { firstMs: 20, longestMs: 200 },
      ...options,
    });
  }

  async set(name: string, value = '1', labels: Record<string, string> = {}): Promise<void> {
    await this.direct.apply(configMaps, configMap(this.namespace, name, value, labels));
  }

  async remove(name: string): Promise<void> {
    await this.direct.delete(configMaps, this.namespace, name, { propagationPolicy: 'Background' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await this.direct.close();
  }
}

describeWith('kube', 'a watch of a real API server', () => {
  let server: KubeServer;
  beforeAll(async () => {
    server = await startKube();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  for (const streamingLists of [true, false]) {
    it(`tells what exists, then every change once (${streamingLists ? 'streaming' : 'paged'} list)`, async () => {
      await using bench = await Bench.of(server, `changes-${streamingLists}`);
      for (const name of ['a', 'b', 'c']) await bench.set(name);
      const watch = bench.watch({ streamingLists, pageSize: 2 }).start();
      await watch.whenSynced();
      expect(bench.recorder.log.toSorted()).toEqual(['added a', 'added b', 'added c', 'synced']);
      expect(watch.status.state).toBe('live');
      expect(bench.network.paths.some((path) => path.includes('sendInitialEvents=true'))).toBe(streamingLists);
      expect(bench.network.paths.some((path) => path.includes('continue='))).toBe(!streamingLists);
      await bench.set('a', '2');
      await bench.remove('b');
      await bench.set('d');
      await bench.recorder.until('all changes', () => bench.recorder.log.includes('added d'));
      expect(bench.recorder.log.slice(4)).toEqual(['modified a', 'deleted b', 'added d']);
      expect(watch.get(bench.namespace, 'a')?.['data']).toEqual({ value: '2' });
      expect(watch.size).toBe(3);
      await watch.stop();
    });
  }

  it('goes on from where it was after a broken connection: nothing twice, nothing lost', async () => {
    await using bench = await Bench.of(server, 'broken');
    await bench.set('a');
    await bench.set('b');
    const watch = bench.watch().start();
    await watch.whenSynced();
    bench.network.cut();
    await bench.recorder.until('lost', () => watch.status.state === 'lost');
    await bench.set('a', '2');
    await bench.remove('b');
    bench.network.mend();
    await bench.recorder.until(
      'caught up',
      () => bench.recorder.log.includes('deleted b') && watch.status.state === 'live',
    );
    expect(bench.recorder.log.slice(3)).toEqual(['modified a', 'deleted b']);
    expect(bench.recorder.log.filter((line) => line === 'synced')).toHaveLength(1);
    await watch.stop();
  });

  it('lists again after 410 and tells the difference: changed, deleted, replaced, new', async () => {
    await using bench = await Bench.of(server, 'gone');
    for (const name of ['kept', 'changed', 'deleted', 'replaced']) await bench.set(name);
    const watch = bench.watch().start();
    await watch.whenSynced();
    bench.network.cut();
    await bench.set('changed', '2');
    await bench.remove('deleted');
    await bench.remove('replaced');
    await bench.set('replaced');
    await bench.set('new');
    // The watch cache of a new process begins at the present, so every older version is too old.
    await server.restart();
    bench.network.mend();
    await bench.recorder.until(
      'second list',
      () => bench.recorder.log.filter((line) => line === 'synced').length === 2,
    );
    expect(bench.recorder.log.slice(5).toSorted()).toEqual([
      'added new',
      'added replaced',
      'deleted deleted',
      'deleted replaced',
      'modified changed',
      'synced',
    ]);
    expect(bench.recorder.log.indexOf('deleted replaced')).toBeLessThan(
      bench.recorder.log.lastIndexOf('added replaced'),
    );
    await bench.recorder.until('live', () => watch.status.state === 'live');
    await watch.stop();
  });

  it('is lost while the API server is away and live when it is back, with no event when nothing changed', async () => {
    await using bench = await Bench.of(server, 'outage');
    await bench.set('a');
    const watch = bench.watch().start();
    await watch.whenSynced();
    const before = Date.now();
    await server.stopApiServer();
    await bench.recorder.until('lost', () => watch.status.state === 'lost');
    const lost = watch.status;
    expect(lost.state === 'lost' && lost.sinceMs <= Date.now() && lost.sinceMs > before - 120_000).toBe(true);
    await server.startApiServer();
    await bench.recorder.until('live', () => watch.status.state === 'live');
    expect(bench.recorder.log.filter((line) => line !== 'synced')).toEqual(['added a']);
    await bench.set('b');
    await bench.recorder.until('b', () => bench.recorder.log.includes('added b'));
    await bench.remove('a');
    await bench.recorder.until('gone', () => bench.recorder.log.includes('deleted a'));
    expect(bench.recorder.log.filter((line) => line === 'deleted a')).toHaveLength(1);
    await watch.stop();
  });

  it('sees an object that leaves the label selector as deleted', async () => {
    await using bench = await Bench.of(server, 'labels');
    await bench.set('in', '1', { app: 'x' });
    await bench.set('out', '1', { app: 'y' });
    const watch = bench.watch({ labelSelector: 'app=x' }).start();
    await watch.whenSynced();
    expect(bench.recorder.log).toEqual(['added in', 'synced']);
    await bench.set('in', '1', { app: 'y' });
    await bench.set('out', '1', { app: 'x' });
    await bench.recorder.until('both', () => bench.recorder.log.length === 4);
    expect(bench.recorder.log.slice(2)).toEqual(['deleted in', 'added out']);
    await watch.stop();
  });

  it('keeps and tells only what the strip hook leaves', async () => {
    await using bench = await Bench.of(server, 'strip');
    await bench.set('a');
    const watch = bench
      .watch({
        strip: ({ apiVersion, kind, metadata: { name, namespace, uid, resourceVersion } }) => ({
          apiVersion,
          kind,
          metadata: {
            name,
            ...(namespace ? { namespace } : {}),
            ...(uid ? { uid } : {}),
            ...(resourceVersion ? { resourceVersion } : {}),
          },
        }),
      })
      .start();
    await watch.whenSynced();
    const kept = watch.get(bench.namespace, 'a');
    expect(kept?.['data']).toBeUndefined();
    expect(kept?.metadata.managedFields).toBeUndefined();
    await watch.stop();
  });

  it('opens a silent connection anew without becoming lost', async () => {
    await using bench = await Bench.of(server, 'silent');
    // time is what this tests
    const watch = bench.watch({ streamingLists: false, stallTimeoutMs: 1_100 }).start();
    await watch.whenSynced();
    const watches = (): number => bench.network.paths.filter((path) => path.includes('watch=true')).length;
    await expect.poll(watches, { timeout: 60_000 }).toBeGreaterThan(2);
    expect(bench.recorder.statuses.filter(({ state }) => state === 'lost')).toEqual([]);
    await bench.set('a');
    await bench.recorder.until('a', () => bench.recorder.log.includes('added a'));
    await watch.stop();
  });

  it('tells nothing after it was stopped, and stops while it cannot connect', async () => {
    await using bench = await Bench.of(server, 'stopped');
    const watch = bench.watch().start();
    await watch.whenSynced();
    await watch.stop();
    const told = bench.recorder.log.length;
    await bench.set('late');
    expect(bench.recorder.log).toHaveLength(told);
    bench.network.cut();
    const hopeless = bench.watch({ backoff: { firstMs: 60_000, longestMs: 60_000 } }).start();
    await bench.recorder.until('an error', () => 'error' in hopeless.status);
    const pending = expect(hopeless.whenSynced()).rejects.toThrow('stopped before its first list');
    await hopeless.stop();
    await pending;
  });
});

describeWith('kube', 'a watch of an API server that compacts its history every second', () => {
  it('meets 410 and lists again', async () => {
    await using server = await startKube({
      apiServerFlags: { 'etcd-compaction-interval': '1s', 'watch-cache': 'false' },
    });
    await using bench = await Bench.of(server, 'compacted');
    await bench.set('a');
    await bench.set('b');
    const watch = bench.watch({ streamingLists: false }).start();
    await watch.whenSynced();
    const old = watch.get(bench.namespace, 'a')?.metadata.resourceVersion ?? '';
    bench.network.cut();
    await bench.remove('a');
    await bench.set('b', '2');
    await expect
      .poll(async () => statusOfWatch(bench.direct, bench.namespace, old), { timeout: 60_000, interval: 300 })
      .toBe('gone');
    bench.network.mend();
    await bench.recorder.until(
      'second list',
      () => bench.recorder.log.filter((line) => line === 'synced').length === 2,
    );
    expect(bench.recorder.log.slice(3).toSorted()).toEqual(['deleted a', 'modified b', 'synced']);
    await watch.stop();
  });
});

describeWith(['kube', 'kube:etcd-3.4'], 'a watch of an API server on an old etcd', () => {
  it('falls back to a paged list where streaming lists are refused', async () => {
    await using server = await startKube({ etcd: 'debian34' });
    await using bench = await Bench.of(server, 'old');
    await bench.set('a');
    const watch = bench.watch().start();
    await watch.whenSynced();
    expect(bench.recorder.log).toEqual(['added a', 'synced']);
    expect(bench.network.paths.some((path) => path.includes('limit=500'))).toBe(true);
    await bench.set('b');
    await bench.recorder.until('b', () => bench.recorder.log.includes('added b'));
    await watch.stop();
  });
});

async function statusOfWatch(client: KubeClient, namespace: string, resourceVersion: string): Promise<string> {
  const controller = new AbortController();
  try {
    const response = await client.watch(
      configMaps,
      { namespace, resourceVersion, timeoutSeconds: 1 },
      controller.signal,
    );
    for await (const line of response.lines()) if (line.includes('"code":410')) return 'gone';
    return 'served';
  } catch (error) {
    if (isGone(error)) return 'gone';
    throw error;
  } finally {
    controller.abort();
  }
}
