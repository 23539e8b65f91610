// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LogClient } from '@plumbline/api-client';
import { generateSigningKeyPem, pemSigner } from '@plumbline/merkle';
import { freePort, ManagedProcess, tempDir, type TempDir } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { applicationResource, sampleFiles } from '../e2e/fixture/samples.js';
import { type TestEnvironment, startTestEnvironment } from '../e2e/fixture/test-environment.js';
import { bareEnvironment } from '../e2e/fixture/topology.config.js';
import { Shape } from '../e2e/fixture/topology.js';
import { goEnvironment, MODULE } from './conformance.config.js';

const WITNESS = fileURLToPath(new URL('../../witness/bin/plumbline-witness.js', import.meta.url));
const PLUMB = fileURLToPath(new URL('../../cli/bin/plumb.js', import.meta.url));

/** How a program ended. */
interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function execute(
  command: string,
  args: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly cwd?: string },
): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(command, [...args], { ...options, maxBuffer: 64 * 1024 * 1024 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, out, err });
    });
  });
}

for (const shape of Shape) {
  const needs =
    shape === 'distributed'
      ? (['postgres:embedded18', 'git', 'go', 'nats:newest'] as const)
      : (['postgres:embedded18', 'git', 'go'] as const);
  describeWith(needs, `the log of the ${shape} shape, to those who do not trust it`, () => {
    let fixture: TestEnvironment;
    let dir: TempDir;
    let log: LogClient;
    let key = '';
    let base = '';
    let witness: ManagedProcess | undefined;
    let witnessKey = '';
    const go = (...args: readonly string[]): Promise<Ended> =>
      execute(path.join(dir.path, 'checklog'), args, { env: { LOG_TOKEN: fixture.topology.token } });
    const plumb = (...args: readonly string[]): Promise<Ended> => {
      const env = bareEnvironment(dir.path, {
        PLUMBLINE_SERVER: fixture.topology.url,
        PLUMBLINE_TOKEN: fixture.topology.token,
        PLUMBLINE_PROFILE: path.join(dir.path, 'profile.json'),
      });
      return execute(process.execPath, [PLUMB, ...args], { env });
    };
    const grow = async (label: string, projects: number): Promise<void> => {
      const resources = Array.from({ length: projects }, (_, index) => ({
        apiVersion: 'plumbline.dev/v1alpha1',
        kind: 'Project',
        metadata: { name: `${label}-${index}` },
        spec: {},
      }));
      await fixture.apply(...resources);
    };

    beforeAll(async () => {
      dir = await tempDir('foreign');
      const built = await execute(
        'go',
        ['build', '-mod=readonly', '-o', path.join(dir.path, 'checklog'), './checklog'],
        { env: goEnvironment(), cwd: MODULE },
      );
      if (built.code !== 0) throw new Error(`checklog cannot be built: ${built.err}`);
      // Its key and its address are known before the log is; it is started when the key of the log is known.
      const [pem, port] = [generateSigningKeyPem(), await freePort()];
      await writeFile(path.join(dir.path, 'witness.key'), pem);
      witnessKey = pemSigner(pem, 'witness.test/two', 'cosignature').key.text;
      fixture = await startTestEnvironment({
        shape,
        clusters: 'simulated',
        settings: {
          PLUMBLINE_AUDIT_WITNESSES: `${witnessKey} http://127.0.0.1:${port}`,
          PLUMBLINE_AUDIT_WITNESS_SECONDS: '0.2',
        },
      });
      log = new LogClient({ server: fixture.topology.url, token: fixture.topology.token });
      const { origin, verifierKey = '' } = await log.identity();
      [key, base] = [verifierKey, `${fixture.topology.url}/log/${origin}`];
      witness = await ManagedProcess.start({
        name: 'plumbline-witness',
        command: process.execPath,
        ready: (output) => /listens at/.test(output),
        args: [
          WITNESS,
          'serve',
          '--name',
          'witness.test/two',
          '--key',
          path.join(dir.path, 'witness.key'),
          '--state',
          path.join(dir.path, 'witness.json'),
          '--log',
          key,
          '--listen',
          `127.0.0.1:${port}`,
        ],
      });
      await fixture.repository('shop', sampleFiles('deploy', 'web'));
      await fixture.apply(applicationResource('web', { repository: 'shop', path: 'deploy', namespace: 'web' }));
      await fixture.healthy('web', { version: 1 });
    });
    afterAll(async () => {
      await fixture?.[Symbol.asyncDispose]();
      await witness?.stop();
      await dir?.[Symbol.asyncDispose]();
    });

    it('is verified by the transparency log of Go: signature, tiles, every entry, inclusion and consistency', async () => {
      await writeFile(path.join(dir.path, 'older'), await log.checkpoint());
      const older = Number((await log.checkpoint()).split('\n')[1]);
      await grow('more', 300);
      await log.checkpoint(older + 300);
      const ended = await go('verify', base, key, path.join(dir.path, 'older'));
      expect(ended.err).toBe('');
      const result = JSON.parse(ended.out) as {
        readonly size: number;
        readonly inclusionProofs: number;
        readonly consistentFrom: number;
      };
      expect(result.size).toBeGreaterThanOrEqual(older + 300);
      expect(result.inclusionProofs).toBeGreaterThan(150);
      expect(result.consistentFrom).toBeLessThanOrEqual(older);
      expect(
        (await go('verify', base, pemSigner(generateSigningKeyPem(), key.split('+')[0] ?? '').key.text)).code,
      ).toBe(1);
    });

    it('is verified by plumb, remembered, and verified from there', async () => {
      const first = await plumb('log', 'verify', '-o', 'json');
      expect(first.err).toBe('');
      expect(JSON.parse(first.out)).toMatchObject({ verified: true, trust: 'offered', key });
      await grow('again', 3);
      const second = JSON.parse((await plumb('log', 'verify', '-o', 'json')).out) as {
        readonly before: number;
        readonly size: number;
        readonly entries: number;
      };
      expect(second).toMatchObject({
        trust: 'remembered',
        before: (JSON.parse(first.out) as { readonly size: number }).size,
      });
      expect(second.entries).toBe(second.size - second.before);
      expect(await plumb('log', 'fsck')).toMatchObject({ code: 0, out: expect.stringMatching(/^SOUND /) as unknown });
      const other = pemSigner(generateSigningKeyPem(), key.split('+')[0] ?? '').key.text;
      expect(await plumb('log', 'verify', '--key', other)).toMatchObject({
        code: 1,
        err: expect.stringContaining('NOT VERIFIED') as unknown,
      });
    });

    it('is cosigned by its witness, whom plumb asks for when it is told to', async () => {
      await vi.waitFor(async () => expect((await fetch(`${base}/checkpoint.witnessed`)).status).toBe(200), {
        timeout: 60_000,
        interval: 100,
      });
      expect(await plumb('log', 'verify', '--witness', witnessKey)).toMatchObject({
        code: 0,
        out: expect.stringMatching(/witness\s+witness\.test\/two cosigned \d+ events at 20/) as unknown,
      });
      const other = pemSigner(generateSigningKeyPem(), 'witness.test/other', 'cosignature').key.text;
      expect(await plumb('log', 'verify', '--witness', other)).toMatchObject({
        code: 1,
        err: expect.stringContaining('NOT VERIFIED') as unknown,
      });
    });

    it('is exported, and the export verified without any server, by plumb and by Go; anything changed in it is found', async () => {
      const out = path.join(dir.path, 'export');
      expect((await plumb('log', 'export', '--format', 'tiles', '--out', out)).code).toBe(0);
      const offline = (...args: readonly string[]): Promise<Ended> =>
        execute(process.execPath, [PLUMB, ...args], {
          env: bareEnvironment(dir.path, { PLUMBLINE_SERVER: 'http://127.0.0.1:1' }),
        });
      expect(await offline('log', 'verify', out, '--key', key)).toMatchObject({
        code: 0,
        out: expect.stringContaining('VERIFIED') as unknown,
      });
      expect((await go('verify', out, key)).code).toBe(0);
      expect((await offline('log', 'import', out, '--verify', '--key', key)).err).toMatch(/VersionReleased/);
      const bundle = path.join(out, 'tile/entries/000');
      const bytes = await readFile(bundle);
      const at = bytes.indexOf('VersionReleased');
      bytes.write('VersionReleasex', at);
      await writeFile(bundle, bytes);
      expect(await offline('log', 'verify', out, '--key', key)).toMatchObject({
        code: 1,
        err: expect.stringMatching(/NOT VERIFIED: the event at position \d+/) as unknown,
      });
      expect((await go('verify', out, key)).code).toBe(1);
    });

    it('gives evidence of one change that stands alone: commit, digest, decision, outcome, proofs', async () => {
      const file = path.join(dir.path, 'evidence.json');
      expect((await plumb('log', 'export', '--application', 'web', '--version', '1', '--out', file)).code).toBe(0);
      const shown = await plumb('log', 'verify', file, '--key', key);
      expect(shown.code, shown.err).toBe(0);
      for (const part of ['commit', 'rendered', 'sha256:', 'decision', 'VersionReleased', 'outcome', 'Succeeded'])
        expect(shown.out).toContain(part);
      const text = await readFile(file, 'utf8');
      await writeFile(file, text.replace('Succeeded', 'Succeedee'));
      expect((await plumb('log', 'verify', file, '--key', key)).code).toBe(1);
      await writeFile(file, text.replace(/"summary": \[\s+"/, '"summary": [\n    "made up, '));
      expect((await plumb('log', 'verify', file, '--key', key)).err).toMatch(/the summary is not what the events say/);
    });

    it('is exported as lines, whole or from a position on, and the lines are verified', async () => {
      const file = path.join(dir.path, 'log.ndjson');
      for (const range of [[], ['--from', '5', '--to', '270']]) {
        expect((await plumb('log', 'export', '--out', file, ...range)).code).toBe(0);
        expect(await plumb('log', 'verify', file, '--key', key)).toMatchObject({
          code: 0,
          out: expect.stringContaining('VERIFIED') as unknown,
        });
      }
      const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
      expect(lines).toHaveLength(265);
      await writeFile(file, `${lines.toSpliced(10, 1).join('\n')}\n`);
      expect(await plumb('log', 'verify', file, '--key', key)).toMatchObject({
        code: 1,
        err: expect.stringContaining('position 15') as unknown,
      });
      const events = JSON.parse(
        (await plumb('log', 'export', '--format', 'cloudevents', '--to', '3')).out,
      ) as readonly {
        readonly specversion: string;
        readonly id: string;
        readonly source: string;
        readonly type: string;
      }[];
      expect(events).toHaveLength(3);
      for (const event of events)
        expect(event).toMatchObject({
          specversion: '1.0',
          source: expect.stringMatching(/^\/\//) as unknown,
          type: expect.stringMatching(/^dev\.plumbline\./) as unknown,
        });
    });

    it('reads a log that Go wrote, and finds what was changed in it', async () => {
      const out = path.join(dir.path, 'from-go');
      expect(await go('write', out, '700')).toMatchObject({ code: 0, err: '' });
      expect(await plumb('log', 'verify', out, '--key', path.join(out, 'key'))).toMatchObject({
        code: 0,
        out: expect.stringContaining('700') as unknown,
      });
      const tile = path.join(out, 'tile/0/001');
      const bytes = await readFile(tile);
      bytes[40] = (bytes[40] ?? 0) ^ 1;
      await writeFile(tile, bytes);
      expect(await plumb('log', 'verify', out, '--key', path.join(out, 'key'))).toMatchObject({
        code: 1,
        err: expect.stringContaining('position 257') as unknown,
      });
    });
  });
}
