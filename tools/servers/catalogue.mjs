// SPDX-License-Identifier: Apache-2.0
// Which real servers the tests start, what pins them, and where their binaries are kept.
// Plain Node without dependencies: it runs before `npm ci` has anything to offer and on Node 20.
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const toolsDir = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** Used when the Go on PATH is missing or older than a module asks for. */
export const GO_TOOLCHAIN = 'go1.26.8';
/** The `go` line that every module under tools/ is satisfied with. */
export const GO_MINIMUM = [1, 26, 0];

const version = (name) => ['-X', `k8s.io/component-base/version.${name}`].join(' ');

/**
 * The Go modules, each pinned by its own go.mod and go.sum. Order is build order:
 * what most suites wait for comes first.
 */
export const MODULES = [
  {
    name: 'etcd',
    dir: path.join(toolsDir, 'kube-assets/etcd'),
    module: 'go.etcd.io/etcd/server/v3',
    binaries: [{ name: 'etcd', package: 'go.etcd.io/etcd/server/v3', about: '1 minute' }],
  },
  {
    name: 'kubernetes',
    dir: path.join(toolsDir, 'kube-assets/kubernetes'),
    module: 'k8s.io/kubernetes',
    // Without these the servers call themselves v0.0.0 and clients misjudge what they can do.
    ldflags: (v) => [
      `${version('gitVersion')}=${v}`,
      `${version('gitMajor')}=1`,
      `${version('gitMinor')}=${v.split('.')[1]}`,
    ],
    binaries: [
      { name: 'kube-apiserver', package: 'k8s.io/kubernetes/cmd/kube-apiserver', about: '3 minutes' },
      { name: 'kube-controller-manager', package: 'k8s.io/kubernetes/cmd/kube-controller-manager', about: '1 minute' },
      { name: 'kube-scheduler', package: 'k8s.io/kubernetes/cmd/kube-scheduler', about: 'half a minute' },
    ],
  },
  {
    name: 'nats-server',
    dir: path.join(toolsDir, 'nats-server'),
    module: 'github.com/nats-io/nats-server/v2',
    binaries: [{ name: 'nats-server', package: 'github.com/nats-io/nats-server/v2', about: 'half a minute' }],
  },
  {
    name: 'kwok',
    dir: path.join(toolsDir, 'kube-assets/kwok'),
    module: 'sigs.k8s.io/kwok',
    binaries: [{ name: 'kwok', package: 'sigs.k8s.io/kwok/cmd/kwok', about: '1 minute' }],
  },
];

/** What the official envtest archive holds of the above. */
export const ENVTEST_BINARIES = ['etcd', 'kube-apiserver'];

const GO_OS = { linux: 'linux', darwin: 'darwin', win32: 'windows' };
const GO_ARCH = { x64: 'amd64', arm64: 'arm64', ppc64: 'ppc64le', s390x: 's390x' };

/** `{os, arch}` in Go's words. */
export function platform() {
  return { os: GO_OS[process.platform] ?? process.platform, arch: GO_ARCH[process.arch] ?? process.arch };
}

/** The cache outside the checkout that all checkouts of this user share. */
export function cacheDir() {
  const base = process.env.PLUMBLINE_CACHE_DIR || process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache');
  return path.join(base, 'plumbline');
}

/** The exact version a module is pinned at. */
export function pinnedVersion(module) {
  const goMod = readFileSync(path.join(module.dir, 'go.mod'), 'utf8');
  const escaped = module.module.replace(/[.]/g, '\\.');
  const found = new RegExp(`^(?:require)?\\s*${escaped} (v\\S+)`, 'm').exec(goMod);
  if (!found) throw new Error(`${module.dir}/go.mod does not require ${module.module}`);
  return found[1];
}

/** Linker flags, part of the cache key because they change the binary. */
export function linkerFlags(module) {
  return ['-s', '-w', ...(module.ldflags?.(pinnedVersion(module)) ?? [])].join(' ');
}

/** Where the build of a module is kept: keyed by version, pins, flags and platform. */
export function buildDir(module) {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum']) hash.update(readFileSync(path.join(module.dir, file)));
  hash.update(linkerFlags(module));
  const { os, arch } = platform();
  const key = `${module.name}-${pinnedVersion(module)}-${hash.digest('hex').slice(0, 12)}-${os}-${arch}`;
  return path.join(cacheDir(), 'servers', key);
}

/** `v1.35` of the pinned Kubernetes: any envtest release of that minor version will do. */
export function kubernetesMinor() {
  const kubernetes = MODULES.find((m) => m.name === 'kubernetes');
  return pinnedVersion(kubernetes).split('.').slice(0, 2).join('.');
}

const envtestPrefix = () => `envtest-${kubernetesMinor()}.`;

/** Where a downloaded envtest release is kept. */
export function envtestDir(release) {
  const { os, arch } = platform();
  return path.join(cacheDir(), 'servers', `envtest-${release}-${os}-${arch}`);
}

function cachedEnvtestDirs() {
  const { os, arch } = platform();
  const root = path.join(cacheDir(), 'servers');
  if (!existsSync(root)) return [];
  const suffix = `-${os}-${arch}`;
  return readdirSync(root)
    .filter((name) => name.startsWith(envtestPrefix()) && name.endsWith(suffix))
    .sort()
    .reverse()
    .map((name) => path.join(root, name));
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Path and origin of one binary, or undefined. Looks only, never downloads or builds:
 * KUBEBUILDER_ASSETS, then the build cache, then a cached envtest release.
 */
export function locate(module, binary) {
  const places = [];
  if (process.env.KUBEBUILDER_ASSETS && module.name !== 'nats-server') {
    places.push(['KUBEBUILDER_ASSETS', process.env.KUBEBUILDER_ASSETS]);
  }
  places.push(['build', buildDir(module)]);
  if (ENVTEST_BINARIES.includes(binary.name)) places.push(...cachedEnvtestDirs().map((dir) => ['envtest', dir]));
  for (const [origin, dir] of places) {
    const file = path.join(dir, binary.name);
    if (isExecutable(file)) return { path: file, origin };
  }
  return undefined;
}

/** Every binary with what is known about it: `{name, module, version, path?, origin?}`. */
export function inventory() {
  return MODULES.flatMap((module) =>
    module.binaries.map((binary) => ({
      name: binary.name,
      module: module.name,
      version: pinnedVersion(module),
      ...locate(module, binary),
    })),
  );
}
