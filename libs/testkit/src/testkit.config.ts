// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** A binary that `tools/prepare-servers.mjs` knows; `path` is absent when it could not be had. */
export interface PreparedServer {
  readonly name: string;
  readonly version: string;
  readonly path?: string;
}

/** What the environment says about the servers that tests may start. */
export interface TestkitConfig {
  /** True with `PLUMBLINE_TEST_REQUIRE=all`: a suite whose server is missing fails instead of being skipped. */
  readonly requireAll: boolean;
  /** `PLUMBLINE_TEST_POSTGRES_URL`: superuser URL of a running PostgreSQL 18 that all suites share. */
  readonly sharedPostgresUrl?: string;
  readonly servers: readonly PreparedServer[];
}

function workspaceRoot(): string {
  let dir = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(dir, 'nx.json'))) {
    const parent = path.dirname(dir);
    if (parent === dir)
      throw new Error('testkit: no nx.json above this file; it only runs inside the Plumbline workspace');
    dir = parent;
  }
  return dir;
}

function isPreparedServer(value: unknown): value is PreparedServer {
  return typeof value === 'object' && value !== null && 'name' in value && 'version' in value;
}

function locateServers(): readonly PreparedServer[] {
  const script = path.join(workspaceRoot(), 'tools', 'prepare-servers.mjs');
  const json =
    process.env['PLUMBLINE_TEST_SERVERS'] ?? execFileSync(process.execPath, [script, '--locate'], { encoding: 'utf8' });
  const parsed: unknown = JSON.parse(json);
  return Array.isArray(parsed) ? parsed.filter(isPreparedServer) : [];
}

function load(): TestkitConfig {
  const url = process.env['PLUMBLINE_TEST_POSTGRES_URL'];
  const servers = locateServers();
  // The locating script has read it; envtest-js would prefer it over the directory it is told to use.
  delete process.env['KUBEBUILDER_ASSETS'];
  process.env['PLUMBLINE_TEST_SERVERS'] = JSON.stringify(servers);
  return {
    requireAll: process.env['PLUMBLINE_TEST_REQUIRE'] === 'all',
    ...(url === undefined ? {} : { sharedPostgresUrl: url }),
    servers,
  };
}

let loaded: TestkitConfig | undefined;

/** The environment, read once per process. */
export function testkitConfig(): TestkitConfig {
  loaded ??= load();
  return loaded;
}

/** Makes a running server known to this process and to every test worker that it starts. */
export function publishSharedPostgres(url: string | undefined): void {
  if (url === undefined) delete process.env['PLUMBLINE_TEST_POSTGRES_URL'];
  else process.env['PLUMBLINE_TEST_POSTGRES_URL'] = url;
  loaded = undefined;
}

/** The inherited environment with additions, for child processes. */
export function childEnvironment(extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { ...process.env, ...extra };
}

/** Directories of PATH and where Debian keeps servers that an unprivileged PATH may lack. */
export function findOnPath(name: string): string | undefined {
  const dirs = [
    ...(process.env['PATH'] ?? '').split(path.delimiter),
    '/usr/sbin',
    '/usr/local/sbin',
    '/opt/homebrew/bin',
  ];
  return dirs
    .filter((dir) => dir !== '')
    .map((dir) => path.join(dir, name))
    .find((file) => existsSync(file));
}
