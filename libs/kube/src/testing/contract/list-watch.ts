// SPDX-License-Identifier: Apache-2.0
import { expect } from 'vitest';
import { type Bench, type Check, configMap, type WatchLine } from './bench.js';

async function names(
  bench: Bench,
  namespace: string,
  selector: { labelSelector?: string; fieldSelector?: string },
): Promise<string[]> {
  const { items } = await bench.client.list(await bench.resource('v1', 'ConfigMap'), { namespace, ...selector });
  return items.map(({ metadata }) => metadata.name);
}

const brief = (lines: readonly WatchLine[]): string[] =>
  lines.filter(({ type }) => type !== 'BOOKMARK').map(({ type, object }) => `${type} ${object.metadata.name}`);

/** Lists, pages, selectors, watches. */
export function listWatchChecks(check: Check): void {
  check('lists in the order of names, with the version of the list', async (bench) => {
    const namespace = await bench.namespace();
    for (const name of ['c', 'a', 'b']) await bench.apply(configMap(namespace, name));
    const resource = await bench.resource('v1', 'ConfigMap');
    const { items, resourceVersion } = await bench.client.list(resource, { namespace });
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['a', 'b', 'c']);
    expect(items[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
    const newest = Math.max(...items.map(({ metadata }) => Number(metadata.resourceVersion)));
    expect(Number(resourceVersion)).toBeGreaterThanOrEqual(newest);
    const raw = await bench.raw('GET', `/api/v1/namespaces/${namespace}/configmaps`);
    expect(raw.body).toMatchObject({ kind: 'ConfigMapList', apiVersion: 'v1' });
    expect((await bench.client.list(resource, { labelSelector: 'no=such' })).items).toEqual([]);
  });

  check('lists across namespaces', async (bench) => {
    const [one, two] = [await bench.namespace(), await bench.namespace()];
    for (const namespace of [one, two]) await bench.apply(configMap(namespace, 'x', {}, { labels: { across: one } }));
    const { items } = await bench.client.list(await bench.resource('v1', 'ConfigMap'), {
      labelSelector: `across=${one}`,
    });
    expect(items.map(({ metadata }) => metadata.namespace).toSorted()).toEqual([one, two].toSorted());
  });

  check('pages with continue tokens as of the first page', async (bench) => {
    const namespace = await bench.namespace();
    const resource = await bench.resource('v1', 'ConfigMap');
    for (const name of ['a', 'b', 'c', 'd', 'e']) await bench.apply(configMap(namespace, name));
    const first = await bench.client.listPage(resource, { namespace, limit: 2 });
    expect(first).toMatchObject({ continueToken: expect.any(String), remainingItemCount: 3 });
    await bench.apply(configMap(namespace, 'bb'));
    await bench.delete(configMap(namespace, 'd'));
    const rest: string[] = [];
    for await (const page of bench.client.pages(resource, {
      namespace,
      limit: 2,
      continueToken: first.continueToken ?? '',
    })) {
      expect(page.resourceVersion).toBe(first.resourceVersion);
      rest.push(...page.items.map(({ metadata }) => metadata.name));
    }
    expect([...first.items.map(({ metadata }) => metadata.name), ...rest]).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  check('answers 410 to a continue token that is too old', async (bench) => {
    const namespace = await bench.namespace();
    const resource = await bench.resource('v1', 'ConfigMap');
    for (const name of ['a', 'b', 'c']) await bench.apply(configMap(namespace, name));
    const { continueToken } = await bench.client.listPage(resource, { namespace, limit: 1 });
    await bench.target.compact();
    const read = async (): Promise<unknown> => {
      await bench.apply(configMap(namespace, 'tick', { at: String(performance.now()) }));
      return bench.client.listPage(resource, { namespace, limit: 1, continueToken: continueToken ?? '' }).then(
        () => 200,
        (error: unknown) => error,
      );
    };
    await expect
      .poll(read, { timeout: 60_000, interval: 250 })
      .toMatchObject({ status: 410, reason: 'Expired', code: 'PLB-6110', retry: 'after-reload' });
    expect((await bench.client.list(resource, { namespace, limit: 2 })).items).toHaveLength(4);
  });

  check('refuses a continue token that it did not give', async (bench) => {
    const namespace = await bench.namespace();
    expect(
      (await bench.raw('GET', `/api/v1/namespaces/${namespace}/configmaps?limit=1&continue=nonsense`)).status,
    ).toBe(400);
  });

  check('selects by label', async (bench) => {
    const namespace = await bench.namespace();
    await bench.apply(configMap(namespace, 'a', {}, { labels: { app: 'x', tier: 'web' } }));
    await bench.apply(configMap(namespace, 'b', {}, { labels: { app: 'y' } }));
    await bench.apply(configMap(namespace, 'c'));
    const cases: Record<string, string[]> = {
      'app=x': ['a'],
      'app==y': ['b'],
      'app!=x': ['b', 'c'],
      app: ['a', 'b'],
      '!app': ['c'],
      'app in (x,y)': ['a', 'b'],
      'app notin (x)': ['b', 'c'],
      'app=x,tier=web': ['a'],
      'app=x,!tier': [],
    };
    for (const [labelSelector, expected] of Object.entries(cases))
      expect({ labelSelector, found: await names(bench, namespace, { labelSelector }) }).toEqual({
        labelSelector,
        found: expected,
      });
    expect((await bench.raw('GET', `/api/v1/namespaces/${namespace}/configmaps?labelSelector=a%20b%20c`)).status).toBe(
      400,
    );
  });

  check('selects by name field', async (bench) => {
    const namespace = await bench.namespace();
    for (const name of ['a', 'b']) await bench.apply(configMap(namespace, name));
    expect(await names(bench, namespace, { fieldSelector: 'metadata.name=b' })).toEqual(['b']);
    expect(
      await names(bench, namespace, { fieldSelector: `metadata.namespace=${namespace},metadata.name!=b` }),
    ).toEqual(['a']);
    expect((await bench.raw('GET', `/api/v1/namespaces/${namespace}/configmaps?fieldSelector=data.x%3D1`)).status).toBe(
      400,
    );
  });

  check('watches from a version: what came later, once, in order', async (bench) => {
    const namespace = await bench.namespace();
    const resource = await bench.resource('v1', 'ConfigMap');
    await bench.apply(configMap(namespace, 'before'));
    const { resourceVersion } = await bench.client.list(resource, { namespace });
    await bench.apply(configMap(namespace, 'a', { x: '1' }));
    await bench.apply(configMap(namespace, 'a', { x: '2' }));
    const watching = bench.watch(
      'v1',
      'ConfigMap',
      { namespace, resourceVersion, timeoutSeconds: 30 },
      { enough: (lines) => lines.length >= 4 },
    );
    await bench.delete(configMap(namespace, 'a'));
    await bench.apply(configMap(namespace, 'late'));
    const lines = await watching;
    expect(brief(lines)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED late']);
    const versions = lines.map(({ object }) => Number(object.metadata.resourceVersion));
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    expect(lines[0]?.object).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { x: '1' } });
  });

  check('watches without a version: what exists first, then what comes', async (bench) => {
    const namespace = await bench.namespace();
    await bench.apply(configMap(namespace, 'a'));
    const watching = bench.watch(
      'v1',
      'ConfigMap',
      { namespace, timeoutSeconds: 30 },
      {
        enough: (lines) => {
          if (lines.length === 1) void bench.apply(configMap(namespace, 'b'));
          return lines.length >= 2;
        },
      },
    );
    expect(brief(await watching)).toEqual(['ADDED a', 'ADDED b']);
  });

  check('tells a watch with a selector that an object came into it or left it', async (bench) => {
    const namespace = await bench.namespace();
    const { resourceVersion } = await bench.client.list(await bench.resource('v1', 'ConfigMap'), { namespace });
    await bench.apply(configMap(namespace, 'a', {}, { labels: { app: 'y' } }));
    await bench.apply(configMap(namespace, 'a', {}, { labels: { app: 'x' } }));
    await bench.apply(configMap(namespace, 'a', {}, { labels: { app: 'y' } }));
    const lines = await bench.watch(
      'v1',
      'ConfigMap',
      { namespace, resourceVersion, labelSelector: 'app=x', timeoutSeconds: 30 },
      { enough: (seen) => seen.length >= 2 },
    );
    expect(brief(lines)).toEqual(['ADDED a', 'DELETED a']);
  });

  check('ends a watch in good order after timeoutSeconds, with a bookmark before it', async (bench) => {
    const namespace = await bench.namespace();
    const elsewhere = await bench.namespace();
    const { resourceVersion } = await bench.client.list(await bench.resource('v1', 'ConfigMap'), { namespace });
    const started = performance.now();
    // A bookmark is only sent when there is something newer than what the watch began with.
    let written = '';
    const whenOpen = async (): Promise<void> => {
      written = (await bench.apply(configMap(elsewhere, 'a'))).object.metadata.resourceVersion ?? '';
    };
    const lines = await bench.watch(
      'v1',
      'ConfigMap',
      { namespace, resourceVersion, allowWatchBookmarks: true, timeoutSeconds: 5 },
      { whenOpen },
    );
    expect(performance.now() - started).toBeLessThan(60_000);
    expect(lines).toEqual([
      { type: 'BOOKMARK', object: expect.objectContaining({ kind: 'ConfigMap', apiVersion: 'v1' }) },
    ]);
    expect(Number(lines[0]?.object.metadata.resourceVersion)).toBeGreaterThanOrEqual(Number(written));
  });

  check('sends no bookmarks to who does not ask for them', async (bench) => {
    const namespace = await bench.namespace();
    const elsewhere = await bench.namespace();
    const { resourceVersion } = await bench.client.list(await bench.resource('v1', 'ConfigMap'), { namespace });
    const whenOpen = () => bench.apply(configMap(elsewhere, 'a'));
    expect(
      await bench.watch('v1', 'ConfigMap', { namespace, resourceVersion, timeoutSeconds: 4 }, { whenOpen }),
    ).toEqual([]);
  });

  check('streams a list: what exists, the closing bookmark, then what comes', async (bench) => {
    const namespace = await bench.namespace();
    for (const name of ['a', 'b']) await bench.apply(configMap(namespace, name));
    const query = {
      namespace,
      sendInitialEvents: true,
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: true,
      timeoutSeconds: 30,
    };
    const lines = await bench.watch('v1', 'ConfigMap', query, {
      enough: (seen) => {
        if (seen.at(-1)?.type === 'BOOKMARK') void bench.apply(configMap(namespace, 'c'));
        return seen.some(({ object }) => object.metadata.name === 'c');
      },
    });
    expect(lines.map(({ type }) => type)).toEqual(['ADDED', 'ADDED', 'BOOKMARK', 'ADDED']);
    expect(lines[2]?.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
  });

  check('answers 410 to a watch from a version that is too old', async (bench) => {
    const namespace = await bench.namespace();
    await bench.apply(configMap(namespace, 'a'));
    await bench.target.compact();
    const outcome = await bench.watch('v1', 'ConfigMap', { namespace, resourceVersion: '1', timeoutSeconds: 5 }).then(
      (lines) => ({ lines }),
      (error: unknown) => ({ error }),
    );
    // Either the head of the answer or its first line says so.
    if ('error' in outcome) expect(outcome.error).toMatchObject({ status: 410 });
    else
      expect(outcome.lines).toEqual([
        { type: 'ERROR', object: expect.objectContaining({ kind: 'Status', code: 410, reason: 'Expired' }) },
      ]);
  });

  check('watches across namespaces', async (bench) => {
    const [one, two] = [await bench.namespace(), await bench.namespace()];
    const { resourceVersion } = await bench.client.list(await bench.resource('v1', 'ConfigMap'), {});
    await bench.apply(configMap(one, 'a', {}, { labels: { wide: one } }));
    await bench.apply(configMap(two, 'b', {}, { labels: { wide: one } }));
    const lines = await bench.watch(
      'v1',
      'ConfigMap',
      { resourceVersion, labelSelector: `wide=${one}`, timeoutSeconds: 30 },
      { enough: (seen) => seen.length >= 2 },
    );
    expect(brief(lines)).toEqual(['ADDED a', 'ADDED b']);
  });
}
