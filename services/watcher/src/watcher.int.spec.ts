// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:net';
import { once } from 'node:events';
import { StreamName } from '@plumbline/core';
import { createTestLog } from '@plumbline/audit/testing';
import { describe, expect, it } from 'vitest';
import { type WatcherFixture, refresh, startWatcherFixture, until } from './watcher.fixture.js';
import type { GitRepository } from '@plumbline/testkit';

const stream = StreamName.repository('shop');

/**
 * A whole look at everything, to its end: looks at one repository follow each other, and the last one finds a new
 * branch.
 */
async function looked(bench: WatcherFixture, repository: GitRepository): Promise<number> {
  await bench.append(stream, refresh('shop'));
  const marker = `marker-${await bench.log.head()}`;
  await repository.setBranch(marker, await repository.commit({ files: { marker }, branch: 'markers' }));
  await bench.declareApplication(marker, 'shop', marker);
  const own = await until('the marker', async () =>
    (await bench.events('RevisionObserved')).find(({ data }) => data.ref === marker),
  );
  return own.position;
}

describe('the watcher', () => {
  it('observes the commit of a ref that an application wants, once, and says who wrote it', async () => {
    await using bench = await startWatcherFixture();
    const repository = await bench.git.createRepository('shop');
    const sha = await repository.commit({
      files: { a: 'a' },
      message: 'First\n\nCo-authored-by: Bob <bob@example.com>',
    });
    await bench.declareRepository('shop', { url: repository.url });
    await bench.declareApplication('web', 'shop');
    const observed = await bench.event('RevisionObserved');
    expect(observed).toMatchObject({
      stream,
      actor: { id: 'watcher' },
      data: {
        repository: 'shop',
        ref: 'main',
        revision: sha,
        forced: false,
        commit: { sha, message: 'First', coAuthors: [{ email: 'bob@example.com' }] },
      },
    });
    expect(observed.data.previous).toBeUndefined();
    await bench.restart();
    // From the snapshot that the stop wrote.
    expect(await bench.watcher.metrics.valueOf('plumbline_reactor_snapshots_total', { result: 'restored' })).toBe(1);
    await looked(bench, repository);
    expect((await bench.events('RevisionObserved')).filter(({ data }) => data.ref === 'main')).toHaveLength(1);
  });

  it('appends nothing while nothing changes', async () => {
    await using bench = await startWatcherFixture();
    const repository = await bench.git.createRepository('shop');
    await repository.commit({ files: { a: 'a' } });
    await bench.declareRepository('shop', { url: repository.url });
    await bench.declareApplication('web', 'shop');
    await bench.event('RevisionObserved');
    const head = await bench.log.head();
    // Apart from the request, the marker's application and its revision.
    expect(await looked(bench, repository)).toBe(head + 2);
    expect(await bench.log.head()).toBe(head + 3);
  });

  it('follows a refresh at once, as part of the same way of change', async () => {
    await using bench = await startWatcherFixture();
    const repository = await bench.git.createRepository('shop');
    const first = await repository.commit({ files: { a: 'a' } });
    await bench.declareRepository('shop', { url: repository.url });
    await bench.declareApplication('web', 'shop');
    await bench.event('RevisionObserved');
    const second = await repository.commit({ files: { a: 'b' } });
    const request = await bench.append(stream, refresh('shop'));
    const observed = await bench.event('RevisionObserved', 2);
    expect(observed.data).toMatchObject({ revision: second, previous: first, forced: false });
    expect([observed.causationId, observed.correlationId]).toEqual([request.id, request.correlationId]);
    const traceId = request.correlationId.replaceAll('-', '');
    const span = await until('the span of the fetch', async () =>
      Promise.resolve(bench.watcher.spans.find((candidate) => candidate.spanContext().traceId === traceId)),
    );
    expect([span.name, span.attributes]).toEqual(['fetch', { 'plumbline.repository': 'shop' }]);
  });

  it('counts fetches by result', async () => {
    await using bench = await startWatcherFixture();
    const repository = await bench.git.createRepository('shop');
    await repository.commit({ files: { a: 'a' } });
    await bench.declareRepository('shop', { url: repository.url });
    await bench.declareApplication('web', 'shop');
    await bench.event('RevisionObserved');
    const fetches = async (result: string): Promise<number> =>
      (await bench.watcher.metrics.valueOf('plumbline_watcher_fetches_total', { result })) ?? 0;
    await until('a fetch that changed something', async () => ((await fetches('changed')) > 0 ? true : undefined));
    bench.git.setFault(() => ({ status: 500 }));
    await bench.append(stream, refresh('shop'));
    await until('a fetch that failed', async () => ((await fetches('failed')) > 0 ? true : undefined));
  });

  it('polls at the interval', async () => {
    await using bench = await startWatcherFixture();
    const repository = await bench.git.createRepository('shop');
    await repository.commit({ files: { a: 'a' } });
    await bench.declareRepository('shop', { url: repository.url, interval: '1s' });
    await bench.declareApplication('web', 'shop');
    await bench.event('RevisionObserved');
    const second = await repository.commit({ files: { a: 'b' } });
    expect((await bench.event('RevisionObserved', 2)).data.revision).toBe(second);
  });

  it('takes a new interval at once', async () => {
    await using bench = await startWatcherFixture();
    const repository = await bench.git.createRepository('shop');
    await repository.commit({ files: { a: 'a' } });
    await bench.declareRepository('shop', { url: repository.url, interval: '1h' });
    await bench.declareApplication('web', 'shop');
    await bench.event('RevisionObserved');
    await bench.declareRepository('shop', { url: repository.url, interval: '1s' });
    const looks = (): number => bench.git.requests.filter(({ path }) => path.includes('/info/refs')).length;
    const before = looks();
    await until('two more looks', () => Promise.resolve(looks() >= before + 2 ? true : undefined));
  });

  it('says when a branch was moved by force, and again when it goes back', async () => {
    await using bench = await startWatcherFixture();
    const repository = await bench.git.createRepository('shop');
    const base = await repository.commit({ files: { a: 'a' } });
    const first = await repository.commit({ files: { a: 'b' } });
    await bench.declareRepository('shop', { url: repository.url });
    await bench.declareApplication('web', 'shop');
    await bench.event('RevisionObserved');
    await repository.setBranch('main', base);
    const second = await repository.commit({ files: { a: 'c' } });
    const moves = [second, first, second, first];
    for (const [index, target] of moves.entries()) {
      await repository.setBranch('main', target);
      await bench.append(stream, refresh('shop'));
      expect((await bench.event('RevisionObserved', index + 2)).data).toMatchObject({ revision: target, forced: true });
    }
  });

  it('keeps the last good revision when a branch is gone, says so once, and sees it come back', async () => {
    await using bench = await startWatcherFixture();
    const repository = await bench.git.createRepository('shop');
    const sha = await repository.commit({ files: { a: 'a' } });
    await repository.setBranch('other', sha);
    await bench.declareRepository('shop', { url: repository.url });
    await bench.declareApplication('web', 'shop');
    await bench.event('RevisionObserved');
    await repository.deleteBranch('main');
    await bench.append(stream, refresh('shop'));
    expect((await bench.event('RefMissing')).data).toMatchObject({
      ref: 'main',
      message: expect.stringContaining(sha.slice(0, 12)),
    });
    await looked(bench, repository);
    expect(await bench.events('RefMissing')).toHaveLength(1);
    await repository.setBranch('main', sha);
    await bench.append(stream, refresh('shop'));
    const back = await until(
      'main again',
      async () => (await bench.events('RevisionObserved')).filter(({ data }) => data.ref === 'main')[1],
    );
    expect(back.data.revision).toBe(sha);
  });

  it('resolves the new ref of a new application at once: branch, tag and commit', async () => {
    await using bench = await startWatcherFixture();
    const repository = await bench.git.createRepository('shop');
    const sha = await repository.commit({ files: { a: 'a' } });
    await repository.tag('v1', sha);
    await bench.declareRepository('shop', { url: repository.url });
    await bench.event('RepositoryRecovered');
    await bench.declareApplication('web', 'shop', 'main');
    await bench.declareApplication('api', 'shop', 'v1');
    await bench.declareApplication('job', 'shop', sha);
    await bench.declareApplication('typo', 'shop', 'mian');
    await bench.event('RevisionObserved', 3);
    expect((await bench.events('RevisionObserved')).map(({ data }) => [data.ref, data.revision]).sort()).toEqual(
      [
        [sha, sha],
        ['main', sha],
        ['v1', sha],
      ].sort(),
    );
    expect((await bench.event('RefMissing')).data.message).toContain('"mian"');
  });

  it('looks once more, not thirty times, when woken during a fetch', async () => {
    await using bench = await startWatcherFixture();
    const repository = await bench.git.createRepository('shop');
    await repository.commit({ files: { a: 'a' } });
    await bench.declareRepository('shop', { url: repository.url });
    await bench.declareApplication('web', 'shop');
    await bench.event('RevisionObserved');
    const looks = (): number => bench.git.requests.filter(({ path }) => path.includes('/info/refs')).length;
    const before = looks();
    let second = '';
    for (let index = 0; index < 30; index += 1) {
      await bench.append(stream, refresh('shop'));
      if (index === 29) second = await repository.commit({ files: { a: 'b' } });
    }
    await bench.append(stream, refresh('shop'));
    expect((await bench.event('RevisionObserved', 2)).data.revision).toBe(second);
    await looked(bench, repository);
    expect(looks() - before).toBeLessThanOrEqual(8);
  });

  it('says once that a server is gone and once that it is back, without credentials in the text', async () => {
    await using bench = await startWatcherFixture({
      auth: { username: 'ada', password: 'canary-pass' },
      settings: { PLUMBLINE_CRED_SHOP: 'canary-pass' },
    });
    const repository = await bench.git.createRepository('shop');
    const sha = await repository.commit({ files: { a: 'a' } });
    bench.git.setFault(() => ({ status: 500 }));
    await bench.declareRepository('shop', {
      url: repository.url.replace('http://', 'http://ada@'),
      interval: '1s',
      credentials: { passwordEnv: 'PLUMBLINE_CRED_SHOP' },
    });
    await bench.declareApplication('web', 'shop');
    expect((await bench.event('RepositoryUnreachable')).data.reason).toBe('Unreachable');
    const failed = bench.git.requests.length;
    await until('another look', () => Promise.resolve(bench.git.requests.length > failed + 1 ? true : undefined));
    expect(await bench.events('RepositoryUnreachable')).toHaveLength(1);
    bench.git.setFault(undefined);
    await bench.append(stream, refresh('shop'));
    expect((await bench.event('RevisionObserved')).data.revision).toBe(sha);
    expect(
      JSON.stringify((await bench.log.read({ from: 0 })).events.filter(({ actor }) => actor.id === 'watcher')),
    ).not.toMatch(/canary|ada@127/);
    bench.git.setFault(() => ({ status: 500 }));
    await bench.event('RepositoryUnreachable', 2);
    bench.git.setFault(undefined);
    await bench.event('RepositoryRecovered');
  });

  it('names missing credentials, and takes them when they are declared', async () => {
    await using bench = await startWatcherFixture({
      auth: { username: 'ada', password: 'p' },
      settings: { PLUMBLINE_CRED_USER: 'ada', PLUMBLINE_CRED_PASS: 'p' },
    });
    const repository = await bench.git.createRepository('shop');
    await repository.commit({ files: { a: 'a' } });
    await bench.declareRepository('shop', {
      url: repository.url,
      credentials: { passwordEnv: 'PLUMBLINE_CRED_ABSENT' },
    });
    await bench.declareApplication('web', 'shop');
    expect((await bench.event('RepositoryUnreachable')).data).toMatchObject({
      reason: 'CredentialsMissing',
      message: expect.stringContaining('PLUMBLINE_CRED_ABSENT'),
    });
    await bench.declareRepository('shop', { url: repository.url });
    expect((await bench.event('RepositoryUnreachable', 2)).data.reason).toBe('AuthenticationFailed');
    await bench.declareRepository('shop', {
      url: repository.url,
      credentials: { usernameEnv: 'PLUMBLINE_CRED_USER', passwordEnv: 'PLUMBLINE_CRED_PASS' },
    });
    await bench.event('RevisionObserved');
  });

  it('does not let repositories that hang delay one that answers', async () => {
    await using bench = await startWatcherFixture({
      settings: { PLUMBLINE_WATCHER_CONCURRENCY: '4', PLUMBLINE_GIT_TIMEOUT_SECONDS: '6' },
    });
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    for (let index = 0; index < 3; index += 1) {
      await bench.declareRepository(`hangs-${index}`, {
        url: `http://127.0.0.1:${port}/x${index}.git`,
        interval: '1s',
      });
    }
    const repository = await bench.git.createRepository('shop');
    await repository.commit({ files: { a: 'a' } });
    await bench.declareRepository('shop', { url: repository.url });
    await bench.declareApplication('web', 'shop');
    const observed = await bench.event('RevisionObserved');
    const unreachable = await bench.event('RepositoryUnreachable');
    expect(unreachable.data.reason).toBe('Timeout');
    expect(observed.position).toBeLessThan(unreachable.position);
    silent.close();
  });

  it('forgets a removed repository', async () => {
    await using bench = await startWatcherFixture();
    const repository = await bench.git.createRepository('shop');
    await repository.commit({ files: { a: 'a' } });
    await bench.declareRepository('shop', { url: repository.url, interval: '1s' });
    await bench.declareApplication('web', 'shop');
    await bench.event('RevisionObserved');
    await bench.append(stream, { type: 'RepositoryRemoved', data: { name: 'shop' } });
    await repository.commit({ files: { a: 'b' } });
    const other = await bench.git.createRepository('other');
    await other.commit({ files: { a: 'a' } });
    await bench.declareRepository('other', { url: other.url, interval: '1s' });
    const looks = (name: string): number =>
      bench.git.requests.filter(({ path }) => path.includes(`${name}.git/info/refs`)).length;
    const before = looks('shop');
    await until('two polls of the other', () => Promise.resolve(looks('other') >= 2 ? true : undefined));
    expect(looks('shop')).toBeLessThanOrEqual(before + 1);
    expect(await bench.events('RevisionObserved')).toHaveLength(1);
  });

  it('works on the log in PostgreSQL', async () => {
    await using test = await createTestLog();
    await using bench = await startWatcherFixture({ log: test.log });
    const repository = await bench.git.createRepository('shop');
    const first = await repository.commit({ files: { a: 'a' } });
    await bench.declareRepository('shop', { url: repository.url });
    await bench.declareApplication('web', 'shop');
    await bench.event('RevisionObserved');
    const second = await repository.commit({ files: { a: 'b' } });
    await bench.append(stream, refresh('shop'));
    expect((await bench.event('RevisionObserved', 2)).data).toMatchObject({ revision: second, previous: first });
  });
});
