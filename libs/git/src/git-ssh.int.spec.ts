// SPDX-License-Identifier: Apache-2.0
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { UpstreamError } from '@plumbline/core';
import { processConfigSource } from '@plumbline/platform';
import { type SshServer, startSsh, tempDir, type TempDir } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GitBranchWriter } from './git-branch-writer.js';
import { GitMirror } from './git-mirror.js';

const gitProcess = { variables: { PATH: processConfigSource()['PATH'] ?? '' }, timeoutMs: 60_000 };

async function failure(promise: Promise<unknown>): Promise<UpstreamError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof UpstreamError) return error;
  throw new Error(`expected an UpstreamError, got ${String(error)}`);
}

describeWith('ssh', 'a repository behind a real sshd', () => {
  let server: SshServer;
  beforeAll(async () => {
    server = await startSsh();
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  function mirrorOf(
    dir: TempDir,
    url: string,
    parts: { readonly keyFile?: string; readonly knownHostsFile?: string } = {},
  ): GitMirror {
    const { knownHostsFile } = parts;
    return new GitMirror({
      root: path.join(dir.path, 'mirrors'),
      url,
      gitProcess,
      credentials: () => Promise.resolve({ sshKeyFile: parts.keyFile ?? server.key.file }),
      ...(knownHostsFile === undefined ? {} : { knownHostsFile }),
    });
  }

  /** Spaces and percent signs mean something to ssh. */
  async function pinned(dir: TempDir, content = server.knownHosts): Promise<string> {
    const file = path.join(dir.path, 'known hosts %h');
    await writeFile(file, content);
    return file;
  }

  it('is fetched with the key and the host key that are given, and followed', async () => {
    await using dir = await tempDir('ssh');
    const repository = await server.createRepository('followed');
    const first = await repository.commit({ files: { 'a.yaml': 'a' } });
    const mirror = mirrorOf(dir, repository.url, { knownHostsFile: await pinned(dir) });
    expect([...(await mirror.fetch())]).toEqual([['refs/heads/main', first]]);
    const second = await repository.commit({ files: { 'a.yaml': 'b' } });
    await repository.tag('v1', second, 'released');
    expect(Object.fromEntries(await mirror.fetch())).toMatchObject({
      'refs/heads/main': second,
      'refs/tags/v1': second,
    });
    expect(server.output).toContain('Accepted publickey');
  });

  it('is written to over the same way', async () => {
    await using dir = await tempDir('ssh');
    const repository = await server.createRepository('written');
    const writer = new GitBranchWriter({
      root: path.join(dir.path, 'mirrors'),
      url: repository.url,
      branch: 'anchors',
      gitProcess,
      credentials: () => Promise.resolve({ sshKeyFile: server.key.file }),
      knownHostsFile: await pinned(dir),
    });
    await writer.write({
      files: { checkpoint: 'one' },
      message: 'first',
      author: { name: 'Ada', email: 'ada@example.com' },
    });
    expect(await repository.git(['show', 'anchors:checkpoint'])).toBe('one');
  });

  it('is not fetched from a server that the given host keys do not have, nor is that server added to them', async () => {
    await using dir = await tempDir('ssh');
    const repository = await server.createRepository('unknown');
    const stranger = (await server.strangersKey()).publicKey;
    for (const content of [
      '',
      `[127.0.0.1]:${server.port} ${stranger}\n`,
      `[127.0.0.2]:${server.port} ${stranger}\n`,
    ]) {
      const knownHostsFile = await pinned(dir, content);
      const error = await failure(mirrorOf(dir, repository.url, { knownHostsFile }).fetch());
      expect(error).toMatchObject({ code: 'PLB-6307', retry: 'after-delay', details: { reason: 'UntrustedServer' } });
      expect(error.message).toMatch(
        /the identity of the Git server could not be verified; check .* \(.*Host key verification failed\.\)$/,
      );
      expect(await readFile(knownHostsFile, 'utf8')).toBe(content);
    }
  });

  it('is remembered at first sight where no host keys are given, and refused when it comes back with another', async () => {
    await using own = await startSsh();
    await using dir = await tempDir('ssh');
    const repository = await own.createRepository('shop');
    const commit = await repository.commit({ files: { 'a.yaml': 'a' } });
    const mirror = mirrorOf(dir, repository.url, { keyFile: own.key.file });
    await mirror.fetch();
    const remembered = await readFile(path.join(dir.path, 'mirrors', 'known_hosts'), 'utf8');
    expect(remembered).toContain(own.knownHosts.split(' ').at(-1)?.trim());
    await own.changeHostKey();
    await repository.commit({ files: { 'a.yaml': 'forged' } });
    const error = await failure(mirror.fetch());
    expect(error).toMatchObject({ code: 'PLB-6307', details: { reason: 'UntrustedServer' } });
    expect(error.message).toContain('has changed');
    expect((await mirror.refs()).get('refs/heads/main')).toBe(commit);
  });

  it('refuses a key that may not log in, and the error has nothing of the key in it', async () => {
    await using dir = await tempDir('ssh');
    const repository = await server.createRepository('refused');
    const { file } = await server.strangersKey();
    const error = await failure(
      mirrorOf(dir, repository.url, { keyFile: file, knownHostsFile: await pinned(dir) }).fetch(),
    );
    expect(error).toMatchObject({ code: 'PLB-6302', details: { reason: 'AuthenticationFailed' } });
    expect(error.message).toMatch(
      /the Git server rejected the credentials; check the credentials of the Repository \(.*Permission denied \(publickey\)\.\)$/,
    );
    const secret = (await readFile(file, 'utf8')).split('\n')[1] ?? '';
    expect(secret.length).toBeGreaterThan(40);
    expect(JSON.stringify([error.message, error.details])).not.toContain(secret);
  });

  it('that is not there, or a server that is not, is named as that', async () => {
    await using dir = await tempDir('ssh');
    const knownHostsFile = await pinned(dir);
    const absent = await failure(mirrorOf(dir, `${server.url}/nowhere/absent.git`, { knownHostsFile }).fetch());
    expect(absent).toMatchObject({ code: 'PLB-6303', details: { reason: 'RepositoryNotFound' } });
    await using gone = await startSsh();
    const { url, key } = gone;
    await gone[Symbol.asyncDispose]();
    // Its key is gone with it: that is a warning, not the reason.
    expect(await failure(mirrorOf(dir, `${url}/shop.git`, { keyFile: key.file }).fetch())).toMatchObject({
      code: 'PLB-6301',
      details: { reason: 'Unreachable' },
    });
  });

  it('gets a key whose path has anything in it', async () => {
    await using dir = await tempDir('ssh');
    const repository = await server.createRepository('odd');
    await repository.commit({ files: { 'a.yaml': 'a' } });
    const folder = path.join(dir.path, `it's a "key" $(touch pwned)`);
    await mkdir(folder);
    const keyFile = path.join(folder, 'id');
    await writeFile(keyFile, await readFile(server.key.file), { mode: 0o600 });
    expect((await mirrorOf(dir, repository.url, { keyFile, knownHostsFile: await pinned(dir) }).fetch()).size).toBe(1);
  });
});
