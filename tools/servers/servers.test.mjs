// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MODULES, buildDir, linkerFlags, pinnedVersion } from './catalogue.mjs';
import { selectArchive, tarFiles } from './envtest.mjs';
import { withLock } from './lock.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const scratch = (t) => {
  const dir = mkdtempSync(path.join(tmpdir(), 'plumbline-tools-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
};

test('every module is pinned at one exact version with checksums', () => {
  for (const module of MODULES) {
    const version = pinnedVersion(module);
    assert.match(version, /^v\d+\.\d+\.\d+$/);
    assert.ok(
      readFileSync(path.join(module.dir, 'go.sum'), 'utf8').includes(`${module.module} ${version} h1:`),
      module.name,
    );
  }
});

test('the Kubernetes staging modules follow the version of the server, all 29 of them', () => {
  const kubernetes = MODULES.find((module) => module.name === 'kubernetes');
  const goMod = readFileSync(path.join(kubernetes.dir, 'go.mod'), 'utf8');
  const staged = pinnedVersion(kubernetes).replace('v1.', 'v0.');
  assert.equal(
    goMod.match(new RegExp(`^\\tk8s\\.io/\\S+ => k8s\\.io/\\S+ ${staged.replaceAll('.', '\\.')}$`, 'gm')).length,
    29,
  );
});

test('the servers are told their version and the cache key depends on it', () => {
  const kubernetes = MODULES.find((module) => module.name === 'kubernetes');
  assert.match(linkerFlags(kubernetes), /version\.gitVersion=v1\.35\.4 .*gitMajor=1 .*gitMinor=35$/);
  assert.match(path.basename(buildDir(kubernetes)), /^kubernetes-v1\.35\.4-[0-9a-f]{12}-/);
});

test('the newest patch of the pinned minor version is taken from the envtest index', () => {
  const entry = (v, os) =>
    `    envtest-${v}-${os}-amd64.tar.gz:\n      hash: ${'ab'.repeat(64)}\n      selfLink: https://example.com/${v}-${os}\n`;
  const index = `releases:\n  v1.35.0:\n${entry('v1.35.0', 'linux')}${entry('v1.35.0', 'darwin')}  v1.35.10:\n${entry('v1.35.10', 'linux')}  v1.36.1:\n${entry('v1.36.1', 'linux')}`;
  assert.equal(selectArchive(index, 'v1.35', { os: 'linux', arch: 'amd64' }).url, 'https://example.com/v1.35.10-linux');
  assert.equal(selectArchive(index, 'v1.35', { os: 'darwin', arch: 'amd64' }).release, 'v1.35.0');
  assert.throws(
    () => selectArchive(index, 'v1.35', { os: 'linux', arch: 'arm64' }),
    /no v1\.35 archive for linux\/arm64/,
  );
});

test('files of a tar archive are read whole', (t) => {
  const dir = scratch(t);
  mkdirSync(path.join(dir, 'controller-tools/envtest'), { recursive: true });
  const content = Buffer.alloc(1_500, 'x');
  writeFileSync(path.join(dir, 'controller-tools/envtest/etcd'), content);
  const tar = spawnSync('tar', ['-C', dir, '--format=ustar', '-cf', '-', 'controller-tools']).stdout;
  assert.deepEqual([...tarFiles(tar)], [{ name: 'etcd', data: content }]);
});

test('a lock is held by one, waited for, and released after a failure', async (t) => {
  const file = path.join(scratch(t), 'lock');
  const order = [];
  const lines = [];
  let release;
  const gate = new Promise((resolve) => (release = resolve));
  const first = withLock(
    file,
    async () => {
      order.push('first');
      await gate;
      order.push('first ends');
      throw new Error('broken');
    },
    () => {},
  );
  const second = withLock(
    file,
    async () => {
      order.push('second');
    },
    (line) => {
      lines.push(line);
      release();
    },
  );
  await assert.rejects(first, /broken/);
  await second;
  assert.deepEqual(order, ['first', 'first ends', 'second']);
  assert.match(lines[0], /another run is preparing the servers/);
  assert.equal(existsSync(file), false);
});

test('a lock whose holder has died is taken over', async (t) => {
  const file = path.join(scratch(t), 'lock');
  const dead = spawn(process.execPath, ['-e', '']);
  await new Promise((resolve) => dead.once('close', resolve));
  const { hostname } = await import('node:os');
  writeFileSync(file, JSON.stringify({ pid: dead.pid, host: hostname() }));
  assert.equal(
    await withLock(
      file,
      async () => 'done',
      () => {},
    ),
    'done',
  );
  writeFileSync(file, '');
  const longAgo = new Date(Date.now() - 3_600_000);
  utimesSync(file, longAgo, longAgo);
  assert.equal(
    await withLock(
      file,
      async () => 'done',
      () => {},
    ),
    'done',
  );
});

test('what cannot be had is named with its reason, and is fatal only when required', (t) => {
  const dir = scratch(t);
  const bare = { PATH: dir, HOME: dir, PLUMBLINE_CACHE_DIR: dir };
  const prepare = (...args) =>
    spawnSync(process.execPath, [path.join(here, '../prepare-servers.mjs'), '--only=nats-server', ...args], {
      env: bare,
      encoding: 'utf8',
    });
  const optional = prepare();
  assert.equal(optional.status, 0);
  assert.match(optional.stderr, /MISSING nats-server: build: no Go toolchain on PATH/);
  assert.equal(prepare('--require=all').status, 1);
  assert.equal(prepare('--wat').status, 1);
});

test('KUBEBUILDER_ASSETS goes before everything else', (t) => {
  const dir = scratch(t);
  writeFileSync(path.join(dir, 'etcd'), '#!/bin/sh\n', { mode: 0o755 });
  const { stdout } = spawnSync(process.execPath, [path.join(here, '../prepare-servers.mjs'), '--locate'], {
    env: { ...process.env, KUBEBUILDER_ASSETS: dir },
    encoding: 'utf8',
  });
  const etcd = JSON.parse(stdout).find((server) => server.name === 'etcd');
  assert.deepEqual([etcd.origin, etcd.path], ['KUBEBUILDER_ASSETS', path.join(dir, 'etcd')]);
});
