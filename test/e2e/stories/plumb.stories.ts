// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ViewStore } from '@plumbline/read-models';
import { expect, it } from 'vitest';
import { plumb } from '../fixture/plumb.js';
import { applicationResource, repositoryResource, sampleFiles } from '../fixture/samples.js';
import type { TestEnvironment } from '../fixture/test-environment.js';

/** The command line. */
export function plumbStories(fixture: () => TestEnvironment): void {
  it('plumb applies, waits, shows, rolls back, and tells by its exit status how it went', async () => {
    const { git, topology } = fixture();
    const source = await git.createRepository('typed');
    await source.commit({ files: sampleFiles('deploy', 'typed', { greeting: 'one' }) });
    const file = path.join(topology.dataDir, 'typed.yaml');
    const resources = [
      repositoryResource('typed', source.url),
      applicationResource('typed', { repository: 'typed', path: 'deploy', namespace: 'typed' }),
    ];
    // JSON is YAML; one document each.
    await writeFile(file, resources.map((resource) => JSON.stringify(resource)).join('\n---\n'));
    expect(await plumb(fixture(), 'apply', '-f', file)).toMatchObject({
      code: 0,
      out: expect.stringContaining('created') as unknown,
    });
    expect(await plumb(fixture(), 'apply', '-f', file)).toMatchObject({
      code: 0,
      out: expect.stringContaining('unchanged') as unknown,
    });
    expect(
      await plumb(fixture(), 'wait', 'typed', '--version', '1', '--for', 'healthy', '--timeout', '30s'),
    ).toMatchObject({ code: 0 });
    const commit = await source.commit({ files: sampleFiles('deploy', 'typed', { greeting: 'two' }) });
    expect((await plumb(fixture(), 'refresh', 'typed')).code).toBe(0);
    expect((await plumb(fixture(), 'wait', 'typed', '--commit', commit, '--timeout', '30s')).code).toBe(0);
    expect((await plumb(fixture(), 'status', 'typed')).out).toMatch(/released version 2[\s\S]*east: Synced Healthy/);
    const listed = await plumb(fixture(), 'get', 'applications', '-o', 'json');
    expect(JSON.stringify(JSON.parse(listed.out))).toContain('default/typed');
    expect((await plumb(fixture(), 'diff', 'typed', '--from', '1', '--to', '2')).out).toContain('two');
    expect(await plumb(fixture(), 'rollback', 'typed', '--to', '1', '--reason', 'wrong')).toMatchObject({ code: 0 });
    expect(await plumb(fixture(), 'wait', 'typed', '--for', 'healthy', '--timeout', '30s')).toMatchObject({ code: 0 });
    expect((await plumb(fixture(), 'history', 'typed')).out).toMatch(/Rollback|rollback/);
    expect((await plumb(fixture(), 'audit', '--application', 'typed', '--type', 'RollbackRequested')).out).toContain(
      'RollbackRequested',
    );
  });

  it('plumb looks back: what it says as of a position or a time is what a fold of the log up to there gives', async () => {
    const {
      topology: { client, observer },
      repository,
      apply,
      healthy,
    } = fixture();
    const before = (await client.events()).head;
    const source = await repository('past', sampleFiles('deploy', 'past', { greeting: 'one' }));
    await apply(applicationResource('past', { repository: 'past', path: 'deploy', namespace: 'past' }));
    await healthy('past', { version: 1 });
    const first = await plumb(fixture(), 'status', 'past', '-o', 'json');
    const then = JSON.parse(first.out) as { readonly position: number };
    await source.commit({ files: sampleFiles('deploy', 'past', { greeting: 'two' }) });
    await client.refresh('past');
    await healthy('past', { version: 2 });
    const json = async (...args: readonly string[]): Promise<unknown> => {
      const { code, out, err } = await plumb(fixture(), ...args, '-o', 'json');
      expect({ code, err }).toEqual({ code: 0, err: '' });
      return JSON.parse(out) as unknown;
    };
    expect(await json('status', 'past', '--as-of', String(then.position))).toEqual(then);
    const events = [...observer.events];
    const store = new ViewStore();
    const last = events.length - 1;
    // Events of one append share their time: "known at" it is after all of them.
    const endOfAppend = (position: number): number =>
      events[position + 1]?.recordedAt === events[position]?.recordedAt ? endOfAppend(position + 1) : position;
    const looked = new Set(
      [before, Math.floor((before + last) / 2), then.position, last].map((position) =>
        Math.min(last, endOfAppend(position)),
      ),
    );
    for (const event of events) {
      store.apply(event);
      if (!looked.has(event.position)) continue;
      const expected = {
        items: [...store.scan('target', '')].map(([, target]) => JSON.parse(JSON.stringify(target)) as unknown),
      };
      expect(await json('get', 'targets', '--as-of', String(event.position)), `as of ${event.position}`).toEqual(
        expected,
      );
      expect(await json('get', 'targets', '--known-at', event.recordedAt)).toEqual(expected);
    }
    const rendered = events.findLast(({ type }) => type === 'VersionRendered');
    expect((await plumb(fixture(), 'diff', 'past', '--as-of', String(rendered?.position))).out).toContain('two');
    expect((await plumb(fixture(), 'status', 'past', '--as-of', '2000-01-01T00:00Z')).code).toBe(3);
    expect((await plumb(fixture(), 'status', 'past', '--as-of', 'yesterday')).code).toBe(2);
  });

  it('plumb ends with 2 for a wrong line, 3 for what is not there, 4 when time is over, 5 when refused', async () => {
    expect((await plumb(fixture(), 'frobnicate')).code).toBe(2);
    expect(await plumb(fixture(), 'status', 'not-there')).toMatchObject({
      code: 3,
      err: expect.stringContaining('PLB-3') as unknown,
    });
    const { repository, apply } = fixture();
    await repository('endless', { 'README.md': 'nothing to deploy' });
    await apply(applicationResource('endless', { repository: 'endless', path: 'not-there', namespace: 'endless' }));
    expect((await plumb(fixture(), 'wait', 'endless', '--timeout', '300ms')).code).toBe(4);
    expect((await plumb(fixture(), '--token', 'plumb_wrong', 'get', 'applications')).code).toBe(5);
  });
}
