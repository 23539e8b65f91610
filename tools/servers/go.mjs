// SPDX-License-Identifier: Apache-2.0
// Finds a Go toolchain that is new enough, and builds the pinned servers with it.
import { spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { GO_MINIMUM, GO_TOOLCHAIN, buildDir, cacheDir, linkerFlags, pinnedVersion, platform } from './catalogue.mjs';

/** Runs a command to its end; resolves to its output, rejects with the last lines of it. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let tail = '';
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (tail = (tail + chunk).slice(-4_000)));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(stdout);
      else
        reject(
          new Error(
            `${command} ${args[0] ?? ''} ended with ${signal ?? code}: ${(tail || stdout.slice(-2_000)).trim()}`,
          ),
        );
    });
  });
}

function compare(a, b) {
  for (let i = 0; i < 3; i += 1) if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) - (b[i] ?? 0);
  return 0;
}

const outsideModules = () => mkdtempSync(path.join(tmpdir(), 'plumbline-go-'));

async function goVersion(go, env) {
  const text = await run(go, ['version'], { cwd: tmpdir(), env });
  const found = /go version go(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  return found ? found.slice(1).map((part) => Number(part ?? 0)) : [0, 0, 0];
}

// The user's proxy, checksum and cache settings stay; what would change the binary does not.
const buildEnv = (extra) => ({
  HOME: homedir(),
  ...process.env,
  CGO_ENABLED: '0',
  GOFLAGS: '',
  GOWORK: 'off',
  ...extra,
});

/** A module zip carries neither execute bits nor files called go.mod. */
function makeRunnable(root) {
  for (const dir of ['bin', 'pkg/tool']) {
    for (const entry of readdirSync(path.join(root, dir), { recursive: true })) {
      const file = path.join(root, dir, entry);
      if (statSync(file).isFile()) chmodSync(file, 0o755);
    }
  }
  for (const dir of ['src', 'src/cmd', 'misc']) {
    const hidden = path.join(root, dir, '_go.mod');
    const real = path.join(root, dir, 'go.mod');
    if (existsSync(hidden) && !existsSync(real)) copyFileSync(hidden, real);
  }
}

/** An old Go cannot switch toolchains by itself, but it can fetch and verify one as a module. */
async function toolchainThroughOldGo(go, log) {
  const { os, arch } = platform();
  const target = path.join(cacheDir(), 'toolchains', `${GO_TOOLCHAIN}-${os}-${arch}`);
  const bin = path.join(target, 'bin', os === 'windows' ? 'go.exe' : 'go');
  if (existsSync(bin)) return bin;
  log(`fetching ${GO_TOOLCHAIN} through the Go module proxy`);
  const cwd = outsideModules();
  try {
    const text = await run(
      go,
      ['mod', 'download', '-json', `golang.org/toolchain@v0.0.1-${GO_TOOLCHAIN}.${os}-${arch}`],
      {
        cwd,
        env: buildEnv({}),
      },
    );
    const { Dir: source } = JSON.parse(text);
    const staging = `${target}.tmp-${process.pid}`;
    mkdirSync(path.dirname(target), { recursive: true });
    cpSync(source, staging, { recursive: true });
    // Module caches are read-only; a cache that cannot be removed again helps nobody.
    for (const entry of readdirSync(staging, { recursive: true, withFileTypes: true })) {
      if (entry.isDirectory()) chmodSync(path.join(entry.parentPath ?? entry.path, entry.name), 0o755);
    }
    chmodSync(staging, 0o755);
    makeRunnable(staging);
    rmSync(target, { recursive: true, force: true });
    renameSync(staging, target);
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
  return bin;
}

/** `{go, env, label}` of a toolchain that can build every module; throws with the reason if there is none. */
export async function findGo(log) {
  let local;
  try {
    local = await goVersion('go', buildEnv({ GOTOOLCHAIN: 'local' }));
  } catch (error) {
    if (error.code === 'ENOENT')
      throw new Error("no Go toolchain on PATH (install Go 1.21 or newer, or Debian's golang-go)");
    throw error;
  }
  if (compare(local, GO_MINIMUM) >= 0)
    return { go: 'go', env: buildEnv({ GOTOOLCHAIN: 'local' }), label: `go${local.join('.')}` };
  if (compare(local, [1, 21, 0]) >= 0)
    return { go: 'go', env: buildEnv({ GOTOOLCHAIN: GO_TOOLCHAIN }), label: GO_TOOLCHAIN };
  const go = await toolchainThroughOldGo('go', log);
  const env = buildEnv({ GOTOOLCHAIN: 'local', GOROOT: path.dirname(path.dirname(go)) });
  return { go, env, label: GO_TOOLCHAIN };
}

/** Builds one binary into the cache; the rename at the end makes it appear whole or not at all. */
export async function build(toolchain, module, binary, log) {
  const dir = buildDir(module);
  const target = path.join(dir, binary.name);
  const staging = `${target}.tmp-${process.pid}`;
  mkdirSync(dir, { recursive: true });
  const startedMs = Date.now();
  const seconds = () => Math.round((Date.now() - startedMs) / 1_000);
  log(
    `building ${binary.name} ${pinnedVersion(module)} with ${toolchain.label} (about ${binary.about} when nothing is cached)`,
  );
  const progress = setInterval(() => log(`still building ${binary.name} (${seconds()} s)`), 30_000);
  try {
    const args = [
      'build',
      '-trimpath',
      '-buildvcs=false',
      '-mod=readonly',
      '-ldflags',
      linkerFlags(module),
      '-o',
      staging,
      binary.package,
    ];
    await run(toolchain.go, args, { cwd: module.dir, env: toolchain.env });
    renameSync(staging, target);
  } finally {
    clearInterval(progress);
    rmSync(staging, { force: true });
  }
  log(`built ${binary.name}: ${Math.round(statSync(target).size / 1e6)} MB in ${seconds()} s`);
}
