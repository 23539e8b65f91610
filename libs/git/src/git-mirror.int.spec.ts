// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { UpstreamError } from '@plumbline/core';
import { processConfigSource } from '@plumbline/platform';
import { type GitServer, startGit, tempDir, type TempDir } from '@plumbline/testkit';
import { describe, expect, it } from 'vitest';
import { type GitCredentials, readCredentials } from './git-credentials.js';
import { GitMirror } from './git-mirror.js';
import { materialise } from './materialise.js';

const gitProcess = { variables: { PATH: processConfigSource()['PATH'] ?? '' }, timeoutMs: 60_000 };

function mirrorOf(dir: TempDir, url: string, credentials?: GitCredentials, timeoutMs?: number): GitMirror {
  return new GitMirror({
    root: path.join(dir.path, 'mirrors'),
    url,
    gitProcess: { ...gitProcess, ...(timeoutMs === undefined ? {} : { timeoutMs }) },
    ...(credentials === undefined ? {} : { credentials: () => Promise.resolve(credentials) }),
  });
}

async function failure(promise: Promise<unknown>): Promise<UpstreamError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof UpstreamError) return error;
  throw new Error(`expected an UpstreamError, got ${String(error)}`);
}

const uploads = (git: GitServer): number =>
  git.requests.filter((request) => request.path.endsWith('/git-upload-pack')).length;

describe('a mirror of a repository on a Git server', () => {
  it('resolves branches, tags and commits, branches first', async () => {
    await using git = await startGit();
    await using dir = await tempDir('mirror');
    const repository = await git.createRepository('shop');
    const first = await repository.commit({ files: { 'a.yaml': 'a' } });
    const second = await repository.commit({ files: { 'a.yaml': 'b' }, branch: 'feature/x', parent: first });
    await repository.tag('v1', first);
    await repository.tag('v2', second, 'annotated');
    await repository.tag('main', second);
    const mirror = mirrorOf(dir, repository.url);
    const refs = await mirror.fetch();
    const revisions = await Promise.all(
      [
        'main',
        'feature/x',
        'v1',
        'v2',
        'refs/tags/main',
        first,
        'absent',
        'refs/heads/v1',
        first.slice(0, 12),
        'f'.repeat(40),
      ].map(async (ref) => (await mirror.resolve(ref, refs))?.revision),
    );
    expect(revisions).toEqual([
      first,
      second,
      first,
      second,
      second,
      first,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect((await mirror.resolve('main', refs))?.name).toBe('refs/heads/main');
  });

  it('follows moved, forced and deleted branches, and keeps the commits of before', async () => {
    await using git = await startGit();
    await using dir = await tempDir('mirror');
    const repository = await git.createRepository('shop');
    const first = await repository.commit({ files: { 'a.yaml': 'a' } });
    const second = await repository.commit({ files: { 'a.yaml': 'b' } });
    await repository.setBranch('old', second);
    const mirror = mirrorOf(dir, repository.url);
    await mirror.fetch();
    await repository.setBranch('main', first);
    const forced = await repository.commit({ files: { 'a.yaml': 'c' } });
    await repository.deleteBranch('old');
    // A branch may become the directory of another.
    await repository.setBranch('old/er', forced);
    const refs = await mirror.fetch();
    expect(Object.fromEntries(refs)).toEqual({ 'refs/heads/main': forced, 'refs/heads/old/er': forced });
    expect(await mirror.isAncestor(first, forced)).toBe(true);
    expect(await mirror.isAncestor(second, forced)).toBe(false);
    expect(await mirror.isAncestor('f'.repeat(40), forced)).toBe(false);
    expect(await mirror.hasCommit(second)).toBe(true);
  });

  it('returns the authors of a commit, co-authors included', async () => {
    await using git = await startGit();
    await using dir = await tempDir('mirror');
    const repository = await git.createRepository('shop');
    const sha = await repository.commit({
      files: { a: 'a' },
      author: { name: 'Zoë', email: 'zoe@example.com' },
      time: new Date('2026-01-02T03:04:05Z'),
      message:
        'Fix: prices\n\nLong text.\n\nCo-authored-by: Bob <bob@example.com>\nco-authored-by: Eve Two <eve@example.com>\n',
    });
    const mirror = mirrorOf(dir, repository.url);
    await mirror.fetch();
    const zoe = { name: 'Zoë', email: 'zoe@example.com' };
    expect(await mirror.commit(sha)).toEqual({
      sha,
      author: zoe,
      committer: zoe,
      coAuthors: [
        { name: 'Bob', email: 'bob@example.com' },
        { name: 'Eve Two', email: 'eve@example.com' },
      ],
      message: 'Fix: prices',
      authoredAt: '2026-01-02T03:04:05.000Z',
      committedAt: '2026-01-02T03:04:05.000Z',
    });
  });

  it('fetches a commit that is on no branch by its id, once', async () => {
    await using git = await startGit();
    await using dir = await tempDir('mirror');
    const repository = await git.createRepository('shop');
    await repository.commit({ files: { a: 'a' } });
    const loose = await repository.commit({ files: { a: 'b' }, branch: 'gone' });
    await repository.deleteBranch('gone');
    const mirror = mirrorOf(dir, repository.url);
    await mirror.ensureCommit(loose);
    expect(await mirror.hasCommit(loose)).toBe(true);
    const requests = uploads(git);
    await mirror.ensureCommit(loose);
    expect(uploads(git)).toBe(requests);
    expect((await failure(mirror.ensureCommit('f'.repeat(40)))).code).toBe('PLB-6306');
  });

  it('reads trees and contents, whatever the names and bytes', async () => {
    await using git = await startGit();
    await using dir = await tempDir('mirror');
    const repository = await git.createRepository('shop');
    const binary = Buffer.from([0, 10, 255, 13, 10, 0]);
    const sha = await repository.commit({
      files: {
        'a b/ü"\n.yaml': 'one',
        bin: { content: binary },
        'x/run.sh': { content: '#!', mode: '100755' },
        'x/link': { content: '../bin', mode: '120000' },
        empty: '',
      },
    });
    const mirror = mirrorOf(dir, repository.url);
    await mirror.fetch();
    const tree = await mirror.tree(sha);
    const contents = await tree.readBlobs(
      ['a b/ü"\n.yaml', 'bin', 'empty', 'x/link'].map((file) => tree.resolve(file)?.hash ?? ''),
    );
    expect([...contents.values()].map((content) => content.toString('hex'))).toEqual([
      Buffer.from('one').toString('hex'),
      binary.toString('hex'),
      '',
    ]);
    expect(tree.resolve('x/run.sh')?.executable).toBe(true);
    expect(tree.children('x').map((entry) => entry.path)).toEqual(['x/link', 'x/run.sh']);
    expect([...tree.descendants('')].length).toBe(7);
  });

  it('does nothing at the server but look when nothing has changed', async () => {
    await using git = await startGit();
    await using dir = await tempDir('mirror');
    const repository = await git.createRepository('shop');
    await repository.commit({ files: { a: 'a' } });
    const mirror = mirrorOf(dir, repository.url);
    await mirror.fetch();
    const before = git.requests.length;
    await mirror.fetch();
    expect(git.requests.length - before).toBeLessThanOrEqual(2);
  });

  it('reports submodules as such and fetches none', async () => {
    await using git = await startGit();
    await using dir = await tempDir('mirror');
    const repository = await git.createRepository('shop');
    const sha = await repository.commit({
      files: { '.gitmodules': `[submodule "m"]\n\tpath = m\n\turl = ${git.url}/secret.git\n` },
    });
    const root = (await repository.git(['mktree'], Buffer.from(`160000 commit ${sha}\tm\n`))).trim();
    const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com'];
    const withModule = (
      await repository.git([...identity, 'commit-tree', '-m', 'Add a module', '-p', sha, root])
    ).trim();
    await repository.setBranch('main', withModule);
    const mirror = mirrorOf(dir, repository.url);
    const refs = await mirror.fetch();
    const tree = await mirror.tree(refs.get('refs/heads/main') ?? '');
    expect(tree.resolve('m')?.type).toBe('submodule');
    expect(git.requests.some((request) => request.path.includes('secret'))).toBe(false);
  });
});

describe('a Git server that asks for credentials', () => {
  const auth = { username: 'ada', password: 'p@ss/w:rd-canary' };

  it('reads them from files and variables at each fetch', async () => {
    await using git = await startGit({ auth });
    await using dir = await tempDir('mirror');
    const repository = await git.createRepository('shop');
    const sha = await repository.commit({ files: { a: 'a' } });
    const file = path.join(dir.path, 'password');
    await writeFile(file, 'outdated\n');
    const mirror = new GitMirror({
      root: dir.path,
      url: repository.url,
      gitProcess,
      credentials: () =>
        readCredentials(
          { usernameEnv: 'PLUMBLINE_CRED_SHOP', passwordFile: file },
          { variables: { PLUMBLINE_CRED_SHOP: 'ada' }, directory: dir.path },
        ),
    });
    expect((await failure(mirror.fetch())).details['reason']).toBe('AuthenticationFailed');
    await writeFile(file, `${auth.password}\n`);
    expect((await mirror.fetch()).get('refs/heads/main')).toBe(sha);
  });

  it('shows them in no error, command line or mirror', async () => {
    await using git = await startGit({ auth });
    await using dir = await tempDir('mirror');
    const repository = await git.createRepository('shop');
    await repository.commit({ files: { a: 'a' } });
    const wrong = mirrorOf(dir, repository.urlWith('ada', 'wrong-canary'));
    const error = await failure(wrong.fetch());
    expect(`${error.message}${JSON.stringify(error.details)}${String(error.cause)}${String(error.stack)}`).not.toMatch(
      /canary|ada/,
    );
    await mirrorOf(dir, repository.urlWith(auth.username, auth.password)).fetch();
    const files = (await readdir(dir.path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    const contents = await Promise.all(
      files.map((entry) => readFile(path.join(entry.parentPath, entry.name), 'latin1')),
    );
    const token = Buffer.from(`${auth.username}:${auth.password}`).toString('base64');
    expect(contents.join('')).not.toContain('canary');
    expect(contents.join('')).not.toContain(token);
  });

  it('that redirects elsewhere does not pass them on', async () => {
    await using git = await startGit({ auth });
    await using other = await startGit();
    await using dir = await tempDir('mirror');
    const repository = await git.createRepository('shop');
    const target = await other.createRepository('shop');
    await target.commit({ files: { a: 'a' } });
    const seen: (string | undefined)[] = [];
    const spy = createServer();
    spy.on('connection', (socket) =>
      socket.once('data', (data) => {
        seen.push(/authorization:.*/i.exec(data.toString())?.[0]);
        socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
      }),
    );
    spy.listen(0, '127.0.0.1');
    await once(spy, 'listening');
    const address = spy.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    git.setFault((request) => ({ status: 302, headers: { location: `http://127.0.0.1:${port}${request.path}` } }));
    await failure(mirrorOf(dir, repository.urlWith(auth.username, auth.password)).fetch());
    spy.close();
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.every((header) => header === undefined)).toBe(true);
  });

  it.each([
    ['a file that is not there', { passwordFile: '/nowhere/password' }],
    ['a relative file', { passwordFile: 'password' }],
    ['a file outside of the directory for credentials', { passwordFile: '/etc/hostname' }],
    ['a variable that is not set', { passwordEnv: 'PLUMBLINE_CRED_ABSENT' }],
  ])('is not even asked when the reference is %s', async (_, references) => {
    await using dir = await tempDir('mirror');
    await expect(readCredentials(references, { variables: {}, directory: dir.path })).rejects.toMatchObject({
      code: 'PLB-1302',
    });
  });
});

describe('a repository over SSH', () => {
  it('gets its key by path, and nothing in the path reaches a shell', async () => {
    await using dir = await tempDir('mirror');
    const bin = path.join(dir.path, 'bin');
    await mkdir(bin);
    const seen = path.join(dir.path, 'arguments');
    await writeFile(path.join(bin, 'ssh'), `#!/bin/sh\nprintf '%s\\n' "$@" >> '${seen}'\nexit 255\n`, { mode: 0o755 });
    const key = path.join(dir.path, `k'; touch ${dir.path}/pwned; '`.replaceAll('/', '_'));
    const mirror = new GitMirror({
      root: dir.path,
      url: 'ssh://git@git.example.com/shop.git',
      credentials: () => Promise.resolve({ sshKeyFile: key }),
      gitProcess: { variables: { PATH: `${bin}:${gitProcess.variables['PATH'] ?? ''}` }, timeoutMs: 60_000 },
    });
    await failure(mirror.fetch());
    const passed = (await readFile(seen, 'utf8')).split('\n');
    expect(passed).toContain(key);
    for (const option of ['BatchMode=yes', 'IdentitiesOnly=yes', `UserKnownHostsFile="${dir.path}/known_hosts"`])
      expect(passed).toContain(option);
    expect((await readdir(dir.path)).filter((name) => name.includes('pwned') && !name.startsWith('k'))).toEqual([]);
  });
});

describe('a Git server that fails', () => {
  it('is reported with one word: gone, broken, without the repository, silent', async () => {
    await using git = await startGit();
    await using dir = await tempDir('mirror');
    const repository = await git.createRepository('shop');
    const mirror = mirrorOf(dir, repository.url);
    git.setFault(() => ({ status: 500, body: 'secret-body' }));
    expect((await failure(mirror.fetch())).details['reason']).toBe('Unreachable');
    git.setFault(undefined);
    expect((await failure(mirrorOf(dir, `${git.url}/absent.git`).fetch())).details['reason']).toBe(
      'RepositoryNotFound',
    );
    expect((await failure(mirrorOf(dir, 'http://127.0.0.1:1/x.git').fetch())).details['reason']).toBe('Unreachable');
    expect((await failure(mirrorOf(dir, `file://${dir.path}/absent`).fetch())).details['reason']).toBe(
      'RepositoryNotFound',
    );
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    expect(
      (await failure(mirrorOf(dir, `http://127.0.0.1:${port}/x.git`, undefined, 500).fetch())).details['reason'],
    ).toBe('Timeout');
    silent.close();
  });

  it('leaves fetched commits readable, and is fetched again afterwards', async () => {
    await using git = await startGit();
    await using dir = await tempDir('mirror');
    const repository = await git.createRepository('shop');
    const first = await repository.commit({ files: { a: 'a' } });
    const mirror = mirrorOf(dir, repository.url);
    await mirror.fetch();
    git.setFault(() => ({ status: 503 }));
    await failure(mirror.fetch());
    expect((await mirror.tree(first)).resolve('a')?.type).toBe('file');
    git.setFault(undefined);
    const second = await repository.commit({ files: { a: 'b' } });
    expect((await mirror.fetch()).get('refs/heads/main')).toBe(second);
  });
});

describe('a mirror directory', () => {
  it('serves many users at once, first fetch included', async () => {
    await using git = await startGit();
    await using dir = await tempDir('mirror');
    const repository = await git.createRepository('shop');
    const sha = await repository.commit({ files: { a: 'a' } });
    const all = await Promise.all(Array.from({ length: 6 }, () => mirrorOf(dir, repository.url).fetch()));
    expect(all.map((refs) => refs.get('refs/heads/main'))).toEqual(Array.from({ length: 6 }, () => sha));
    expect((await readdir(path.join(dir.path, 'mirrors'))).filter((name) => !name.endsWith('.git'))).toEqual([]);
  });

  it('is taken over from a process that was killed', async () => {
    await using git = await startGit();
    await using dir = await tempDir('mirror');
    const repository = await git.createRepository('shop');
    await repository.commit({ files: { a: 'a' } });
    const mirror = mirrorOf(dir, repository.url);
    await mirror.fetch();
    const dead = spawn('true');
    await once(dead, 'close');
    await writeFile(`${mirror.directory}.lock`, JSON.stringify({ pid: dead.pid, host: hostname(), token: 'x' }));
    // What a killed git fetch leaves behind.
    const packed = path.join(mirror.directory, 'refs', 'heads', 'main.lock');
    await writeFile(packed, '');
    await utimes(packed, new Date(Date.now() - 3_600_000), new Date(Date.now() - 3_600_000));
    const next = await repository.commit({ files: { a: 'b' } });
    expect((await mirror.fetch()).get('refs/heads/main')).toBe(next);
  });

  it('takes no configuration, hook or attribute of the repository or the machine', async () => {
    await using git = await startGit();
    await using dir = await tempDir('mirror');
    const repository = await git.createRepository('shop');
    const sha = await repository.commit({
      files: { '.gitattributes': '* filter=evil export-subst', a: '$Format:%H$' },
    });
    const mirror = mirrorOf(dir, repository.url);
    await mirror.fetch();
    const tree = await mirror.tree(sha);
    const out = path.join(dir.path, 'out');
    await materialise(tree, tree.descendants(''), out);
    expect(await readFile(path.join(out, 'a'), 'utf8')).toBe('$Format:%H$');
  });
});

describe('a private copy of a tree', () => {
  it('keeps links that stay inside, as links', async () => {
    await using git = await startGit();
    await using dir = await tempDir('mirror');
    const repository = await git.createRepository('shop');
    const sha = await repository.commit({
      files: {
        'base/a.yaml': 'a',
        'web/a.yaml': { content: '../base/a.yaml', mode: '120000' },
        'web/all': { content: '../base', mode: '120000' },
        'run.sh': { content: 'x', mode: '100755' },
      },
    });
    const mirror = mirrorOf(dir, repository.url);
    await mirror.fetch();
    const tree = await mirror.tree(sha);
    const out = path.join(dir.path, 'out');
    await materialise(tree, tree.descendants(''), out);
    expect(await readFile(path.join(out, 'web/a.yaml'), 'utf8')).toBe('a');
    expect(await readFile(path.join(out, 'web/all/a.yaml'), 'utf8')).toBe('a');
    expect((await stat(path.join(out, 'run.sh'))).mode & 0o777).toBe(0o700);
    await rm(out, { recursive: true });
  });

  it.each(['/etc/passwd', '../../../../etc/passwd', '../..'])(
    'refuses a link to %s before it writes anything',
    async (target) => {
      await using git = await startGit();
      await using dir = await tempDir('mirror');
      const repository = await git.createRepository('shop');
      const sha = await repository.commit({
        files: { 'a.yaml': 'a', 'web/evil': { content: target, mode: '120000' } },
      });
      const mirror = mirrorOf(dir, repository.url);
      await mirror.fetch();
      const tree = await mirror.tree(sha);
      const out = path.join(dir.path, 'out');
      await expect(materialise(tree, tree.descendants(''), out)).rejects.toMatchObject({
        code: 'PLB-1310',
        message: expect.stringContaining('web/evil'),
      });
      await expect(stat(out)).rejects.toThrow();
    },
  );

  it('has limits', async () => {
    await using git = await startGit();
    await using dir = await tempDir('mirror');
    const repository = await git.createRepository('shop');
    const sha = await repository.commit({ files: { a: 'aaaa', b: 'bbbb' } });
    const mirror = mirrorOf(dir, repository.url);
    await mirror.fetch();
    const tree = await mirror.tree(sha);
    await expect(
      materialise(tree, tree.descendants(''), path.join(dir.path, '1'), { maxFiles: 1 }),
    ).rejects.toMatchObject({ code: 'PLB-1311' });
    await expect(
      materialise(tree, tree.descendants(''), path.join(dir.path, '2'), { maxBytes: 5 }),
    ).rejects.toMatchObject({ code: 'PLB-1311' });
  });
});
