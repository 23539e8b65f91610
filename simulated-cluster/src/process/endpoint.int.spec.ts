// SPDX-License-Identifier: Apache-2.0
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { expect, test, vi } from 'vitest';
import { openProbe } from './testing/probe.js';

const MAPS = '/api/v1/namespaces/default/configmaps';
const configMap = (name: string): string => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
const post = { method: 'POST', headers: { 'content-type': 'application/json' } } as const;

test('any client can read, write and watch over the loopback door', async () => {
  const { cluster } = openProbe();
  const door = await cluster.listen();
  const version = await fetch(`${door.url}/version`);
  expect(await version.json()).toMatchObject({ gitVersion: 'v1.35.4' });

  const watch = await fetch(`${door.url}${MAPS}?watch=true&resourceVersion=${cluster.resourceVersion}`);
  expect(watch.status).toBe(200);
  if (watch.body === null) throw new Error('a watch has a body');
  const body = Readable.fromWeb(watch.body);
  const lines = createInterface({ input: body })[Symbol.asyncIterator]();
  const created = await fetch(`${door.url}${MAPS}`, { ...post, body: configMap('a') });
  expect(created.status).toBe(201);
  expect(JSON.parse(String((await lines.next()).value))).toMatchObject({
    type: 'ADDED',
    object: { kind: 'ConfigMap', metadata: { name: 'a' } },
  });

  const refused = await fetch(`${door.url}${MAPS}`, { ...post, body: configMap('a') });
  expect([refused.status, await refused.json()]).toMatchObject([409, { reason: 'AlreadyExists' }]);

  body.destroy();
  await vi.waitFor(() => expect(cluster.openWatches).toBe(0));
  await door.close();
  await expect(fetch(`${door.url}/version`)).rejects.toThrow();
});

test('a broken watch breaks its connection', async () => {
  const { cluster } = openProbe();
  const door = await cluster.listen();
  const watch = await fetch(`${door.url}${MAPS}?watch=true`);
  const text = watch.text();
  await vi.waitFor(() => expect(cluster.openWatches).toBe(1));
  cluster.disconnectWatches();
  await expect(text).rejects.toThrow();
});

test('a body that is too large is refused', async () => {
  const { cluster } = openProbe();
  const door = await cluster.listen();
  const large = JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'large' },
    data: { a: 'x'.repeat(3_200_000) },
  });
  const refused = await fetch(`${door.url}${MAPS}`, { ...post, body: large });
  expect([refused.status, await refused.json()]).toMatchObject([413, { reason: 'RequestEntityTooLarge' }]);
});
