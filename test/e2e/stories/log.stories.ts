// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { plumb } from '../fixture/plumb.js';
import { applicationResource, sampleFiles } from '../fixture/samples.js';
import type { TestEnvironment } from '../fixture/test-environment.js';

const words = (text: string): unknown => expect.stringContaining(text);

/** What people do to the log itself. */
export function logStories(fixture: () => TestEnvironment): void {
  it('a legal hold is placed, shown and lifted, and the log tells by whom', async () => {
    const run = async (...args: readonly string[]): ReturnType<typeof plumb> =>
      plumb(fixture(), 'log', 'hold', ...args);
    const place = ['place', 'case-7', '--from', '0', '--to', '2', '--reason', 'asked by counsel'];
    expect(await run(...place)).toMatchObject({ code: 0, out: words('legal hold case-7 on 0 to 1 placed') });
    expect(await run(...place)).toMatchObject({ code: 0, out: words('unchanged') });
    expect(await run('place', 'case-7', '--from', '1', '--reason', 'another')).toMatchObject({
      code: 5,
      err: words('PLB-4108'),
    });
    expect(JSON.parse((await run('list', '-o', 'json')).out)).toMatchObject({
      items: [{ id: 'case-7', from: 0, to: 2, reason: 'asked by counsel' }],
    });
    expect(await run('lift', 'case-7')).toMatchObject({ code: 0, out: words('lifted') });
    expect(await run('lift', 'case-8')).toMatchObject({ code: 3, err: words('PLB-3154') });
    expect((await run('list')).out).toBe('no legal holds\n');
    expect((await run('list', '--all')).out).toContain('case-7');
    const { events } = await fixture().topology.client.audit({ type: 'LegalHoldLifted' });
    expect(events).toMatchObject([{ actor: { kind: 'user' }, data: { hold: 'case-7' } }]);
  });

  it('a quarantined stream is listed and processed again by a retry, which is an event of the user; another stream is rejected', async () => {
    const {
      topology: { client, ask },
    } = fixture();
    const key = 'cluster-east';
    expect(await plumb(fixture(), 'log', 'parked')).toMatchObject({
      code: 0,
      out: words('no quarantined stream is recorded'),
    });
    expect(await plumb(fixture(), 'log', 'release', 'views', key)).toMatchObject({ code: 3, err: words('PLB-3156') });
    // As a version of us that could not apply the event would have left it; this one can.
    const [declared] = (await client.audit({ type: 'ClusterDeclared', order: 'asc' })).events;
    await ask(`insert into ledger.dead_letter (consumer, version, shard, pos, key, attempts, error, state)
      select 'views', version, 0, ${declared?.position}, '${key}', 1, 'cannot be applied', 'parked' from projection.live where consumer = 'views'`);
    expect(JSON.parse((await plumb(fixture(), 'log', 'quarantine', '-o', 'json')).out)).toMatchObject({
      items: [
        {
          consumer: 'audit-read-models',
          stream: key,
          position: declared?.position,
          message: 'cannot be applied',
        },
      ],
    });
    const before = await client.clusters();
    expect(await plumb(fixture(), 'log', 'release', 'views', key)).toMatchObject({
      code: 0,
      out: '1 quarantined stream recovered\n',
    });
    expect((await plumb(fixture(), 'log', 'quarantine')).out).toContain('no quarantined stream is recorded');
    expect((await client.clusters()).items).toEqual(before.items);
    expect((await client.audit({ type: 'StreamRetryRequested' })).events).toMatchObject([
      { actor: { kind: 'user' }, data: { consumer: 'audit-read-models', stream: key } },
    ]);
  });

  it('a person is erased from everything that is shown, once it was confirmed and no hold forbids it; the log still verifies', async () => {
    const {
      topology: { client, clientWith },
      git,
      apply,
      healthy,
    } = fixture();
    const grace = { name: 'Grace Hopper', email: 'grace@example.com' };
    const source = await git.createRepository('graced');
    await source.commit({ files: sampleFiles('deploy', 'graced', { deployment: false }), author: grace });
    await apply({
      apiVersion: 'plumbline.dev/v1alpha1',
      kind: 'Repository',
      metadata: { name: 'graced' },
      spec: { url: source.url },
    });
    await apply(applicationResource('graced', { repository: 'graced', path: 'deploy', namespace: 'graced' }));
    await healthy('graced', { version: 1 });
    const shown = async (): Promise<string> =>
      JSON.stringify([
        await client.history('graced'),
        await client.status('graced'),
        await client.versions('graced'),
        (await client.audit({ type: 'VersionRendered' })).events,
        (await client.audit({ type: 'RevisionObserved' })).events,
        await client.versions('graced', { asOf: String((await client.events()).head) }),
      ]);
    expect(await shown()).toContain('Grace Hopper');
    const erase = async (...more: readonly string[]): ReturnType<typeof plumb> =>
      plumb(fixture(), 'log', 'erase-person', 'grace@example.com', ...more);
    expect(await plumb(fixture(), 'log', 'verify')).toMatchObject({ code: 0, out: words('VERIFIED') });
    expect(await erase()).toMatchObject({ code: 2, err: words('--yes') });
    await plumb(fixture(), 'log', 'hold', 'place', 'grace', '--from', '0', '--reason', 'asked by counsel');
    expect(await erase('--yes')).toMatchObject({ code: 5, err: words('PLB-4110') });
    await plumb(fixture(), 'log', 'hold', 'lift', 'grace');
    const { token } = await client.issueToken({ name: 'no admin', role: 'operator' });
    expect(
      await plumb({ topology: { ...fixture().topology, token } }, 'log', 'erase-person', 'grace@example.com', '--yes'),
    ).toMatchObject({ code: 5, err: words('PLB-2120') });
    await expect(clientWith(token).events()).resolves.toBeDefined();
    expect(await shown()).toContain('Grace Hopper');
    const erased = await erase('--yes');
    expect(erased).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^s[0-9a-f]{24} is erased: [2-9] events have data of the person/) as unknown,
    });
    expect(erased.out + erased.err).not.toContain('grace@');
    expect(await erase('--yes', '-o', 'json')).toMatchObject({ code: 0, out: words('"AlreadyErased"') });
    expect(await plumb(fixture(), 'log', 'erase-person', 'nobody@example.com', '--yes')).toMatchObject({
      code: 3,
      err: words('PLB-3155'),
    });
    expect(await shown()).toMatch(/^(?!.*(?:Grace Hopper|grace@)).*\(erased\)/s);
    const followed: unknown[] = [];
    const { head } = await client.events();
    for await (const event of client.follow({ after: -1, signal: AbortSignal.timeout(60_000) })) {
      followed.push(event);
      if (event.position === head) break;
    }
    expect(JSON.stringify(followed)).not.toMatch(/Grace Hopper|grace@/);
    expect(await plumb(fixture(), 'log', 'verify', '--full')).toMatchObject({ code: 0, out: words('VERIFIED') });
  });
}
