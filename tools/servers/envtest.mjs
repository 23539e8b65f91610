// SPDX-License-Identifier: Apache-2.0
// The official envtest archive: etcd and kube-apiserver, published by the Kubernetes project with a SHA-512 each.
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ENVTEST_BINARIES, envtestDir, kubernetesMinor, platform } from './catalogue.mjs';

const INDEX = 'https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml';
const LIMIT_MS = 10_000;

/** The body, unless 10 seconds pass without a byte: a blocked network must not hold up a test run. */
async function fetchWithin(url) {
  const abort = new AbortController();
  let timer = setTimeout(() => abort.abort(), LIMIT_MS);
  try {
    const response = await fetch(url, { signal: abort.signal, redirect: 'follow' });
    if (!response.ok) throw new Error(`HTTP ${response.status} for ${url}`);
    const chunks = [];
    for await (const chunk of response.body) {
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(), LIMIT_MS);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    if (abort.signal.aborted) throw new Error(`no answer within ${LIMIT_MS / 1_000} s from ${new URL(url).host}`);
    throw new Error(`${error.message}${error.cause?.code ? ` (${error.cause.code})` : ''} from ${new URL(url).host}`);
  } finally {
    clearTimeout(timer);
  }
}

/** The newest stable archive of a minor version for this platform: `{release, hash, url}`. */
export function selectArchive(indexText, minor, { os, arch }) {
  const entry = /^ {4}envtest-(v\d+\.\d+\.\d+)-(\w+)-(\w+)\.tar\.gz:\s*\n\s+hash: (\w+)\s*\n\s+selfLink: (\S+)/gm;
  const found = [...indexText.matchAll(entry)]
    .map(([, release, entryOs, entryArch, hash, url]) => ({ release, os: entryOs, arch: entryArch, hash, url }))
    .filter((a) => a.release.startsWith(`${minor}.`) && a.os === os && a.arch === arch)
    .sort((a, b) => Number(b.release.split('.')[2]) - Number(a.release.split('.')[2]));
  if (!found[0]) throw new Error(`the envtest index has no ${minor} archive for ${os}/${arch}`);
  return found[0];
}

/** Regular files of a tar archive by base name; only what a plain ustar archive of binaries needs. */
export function* tarFiles(tar) {
  for (let at = 0; at + 512 <= tar.length;) {
    const text = (from, to) => tar.toString('latin1', at + from, at + to).replace(/\0.*$/s, '');
    const name = text(0, 100);
    if (name === '') return;
    const size = Number.parseInt(text(124, 136).trim() || '0', 8);
    const type = text(156, 157);
    if (type === '0' || type === '')
      yield { name: path.posix.basename(name), data: tar.subarray(at + 512, at + 512 + size) };
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

/** Downloads, verifies and installs the archive into the cache. */
export async function downloadEnvtest(log) {
  const index = await fetchWithin(INDEX);
  const archive = selectArchive(index.toString('utf8'), kubernetesMinor(), platform());
  log(`downloading envtest ${archive.release}`);
  const body = await fetchWithin(archive.url);
  const digest = createHash('sha512').update(body).digest('hex');
  if (digest !== archive.hash.toLowerCase()) {
    throw new Error(`the envtest archive ${archive.release} has SHA-512 ${digest}, published is ${archive.hash}`);
  }
  const dir = envtestDir(archive.release);
  const staging = `${dir}.tmp-${process.pid}`;
  mkdirSync(staging, { recursive: true });
  try {
    const missing = new Set(ENVTEST_BINARIES);
    for (const file of tarFiles(gunzipSync(body))) {
      if (!missing.delete(file.name)) continue;
      writeFileSync(path.join(staging, file.name), file.data);
      chmodSync(path.join(staging, file.name), 0o755);
    }
    if (missing.size > 0) throw new Error(`the envtest archive ${archive.release} lacks ${[...missing].join(', ')}`);
    rmSync(dir, { recursive: true, force: true });
    renameSync(staging, dir);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}
