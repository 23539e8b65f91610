// SPDX-License-Identifier: Apache-2.0
import { type IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { createInterface } from 'node:readline';
import { systemClock } from '@plumbline/core';
import { tempDir } from '@plumbline/testkit';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { SimulatedCluster } from '../index.js';
import { openProbe } from '../testing/probe.js';
import { loadCredentials } from './credentials.js';
import { openEndpoint } from './endpoint.js';

const MAPS = '/api/v1/namespaces/default/configmaps';
const WAIT = { timeout: 60_000, interval: 20 } as const;

interface Served {
  readonly cluster: SimulatedCluster;
  open(method: string, path: string, body?: object): Promise<IncomingMessage>;
  json(method: string, path: string, body?: object): Promise<readonly [number | undefined, unknown]>;
}

async function serve(): Promise<Served> {
  const { cluster } = openProbe();
  const dir = await tempDir('simulated');
  const credentials = await loadCredentials(dir.path, systemClock.nowMs());
  const endpoint = await openEndpoint({ port: 0, credentials, handle: async (call) => cluster.answer(call) });
  onTestFinished(async () => {
    await endpoint.close();
    await dir[Symbol.asyncDispose]();
  });
  const open: Served['open'] = (method, path, body) =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${credentials.token}`, 'content-type': 'application/json' };
      request(`${endpoint.url}${path}`, { method, headers, ca: credentials.authority, agent: false }, resolve)
        .once('error', reject)
        .end(body === undefined ? undefined : JSON.stringify(body));
    });
  return {
    cluster,
    open,
    json: async (method, path, body) => {
      const response = await open(method, path, body);
      return [response.statusCode, JSON.parse((await response.toArray()).join('')) as unknown];
    },
  };
}

const configMap = (name: string, data?: object): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  ...(data === undefined ? {} : { data }),
});

test('any client can read, write and watch', async () => {
  const { cluster, open, json } = await serve();
  expect(await json('GET', '/version')).toMatchObject([200, { gitVersion: 'v1.35.4' }]);
  const watch = await open('GET', `${MAPS}?watch=true&resourceVersion=${cluster.resourceVersion}`);
  expect(watch.statusCode).toBe(200);
  const lines = createInterface({ input: watch })[Symbol.asyncIterator]();
  expect((await json('POST', MAPS, configMap('a')))[0]).toBe(201);
  expect(JSON.parse(String((await lines.next()).value))).toMatchObject({
    type: 'ADDED',
    object: { kind: 'ConfigMap', metadata: { name: 'a' } },
  });
  expect(await json('POST', MAPS, configMap('a'))).toMatchObject([409, { reason: 'AlreadyExists' }]);
  watch.destroy();
  await vi.waitFor(() => expect(cluster.openWatches).toBe(0), WAIT);
});

test('a broken watch breaks its connection', async () => {
  const { cluster, open } = await serve();
  const watch = await open('GET', `${MAPS}?watch=true`);
  const broken = expect(watch.toArray()).rejects.toThrow();
  await vi.waitFor(() => expect(cluster.openWatches).toBe(1), WAIT);
  cluster.disconnectWatches();
  await broken;
});

test('a body that is too large is refused', async () => {
  const { json } = await serve();
  expect(await json('POST', MAPS, configMap('large', { a: 'x'.repeat(3_200_000) }))).toMatchObject([
    413,
    { reason: 'RequestEntityTooLarge' },
  ]);
});
