// SPDX-License-Identifier: Apache-2.0
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { importsOf, type Project, projects, root, sourceFiles, textOf } from './workspace.js';

const TYPES = [
  'type:pure',
  'type:port',
  'type:platform',
  'type:service',
  'type:host',
  'type:client',
  'type:ui',
  'type:testing',
  'type:e2e',
];
const all = projects();
const services = all.filter(({ tags }) => tags.includes('type:service'));

/** Adapter entries that a service may use although services see ports only, each with its reason. */
const ADAPTERS_IN_SERVICES: Readonly<Record<string, readonly string[]>> = {
  // The writer of the log shares the checks of a request with the memory double, and serves the protocol of the client.
  'services/audit': ['@plumbline/event-log/'],
  // Cluster access is the applier's own business; no other service reaches a cluster.
  'services/applier': ['@plumbline/kube/'],
  // No adapter but pure functions over schemas, apart from the client so that policy does not load one.
  'services/policy': ['@plumbline/kube/schema'],
};

/** Entry points of a service besides its module, each with its reason. */
const OTHER_ENTRIES: Readonly<Record<string, readonly string[]>> = {
  // The ledger without its framework for benchmarks, and a real log for specs of other services.
  'services/audit': ['./ledger', './testing'],
};

function projectOf(file: string): Project | undefined {
  return all.find(({ dir }) => file.startsWith(`${dir}/`));
}

const isTestCode = (file: string): boolean => /\.(?:spec|fixture|contract)\.ts$|\/testing\//.test(file);

describe('every project', () => {
  it('is found at all', () => {
    expect(all.map(({ dir }) => dir)).toEqual(expect.arrayContaining(['libs/core', 'libs/platform', 'test']));
  });

  it.each(all.map((project) => [project.dir, project] as const))(
    '%s has exactly one known type tag',
    (_dir, { tags }) => {
      const types = tags.filter((tag) => tag.startsWith('type:'));
      expect(types).toHaveLength(1);
      expect(TYPES).toContain(types[0]);
    },
  );

  it.each(all.map((project) => [project.dir, project] as const))('%s is named after its folder', (dir, { name }) => {
    expect(name).toBe(`@plumbline/${dir.split('/').at(-1) ?? ''}`);
  });
});

describe('services', () => {
  it.each(services.map(({ dir }) => [dir]))('%s exports its module and nothing else', (dir) => {
    const exported = [...textOf(`${dir}/src/index.ts`).matchAll(/export\s+(?:type\s+)?\{([^}]*)\}|export\s+\*/g)];
    const names = exported.flatMap((match) =>
      (match[1] ?? '*')
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    );
    const [name = ''] = dir.split('/').slice(-1);
    expect(names).toEqual([`${name.charAt(0).toUpperCase()}${name.slice(1)}Module`]);
    expect(all.find((project) => project.dir === dir)?.exports).toEqual(['.', ...(OTHER_ENTRIES[dir] ?? [])]);
  });

  it.each(services.map(({ dir }) => [dir]))('%s starts alone by a main.ts of a few lines', (dir) => {
    expect(textOf(`${dir}/src/main.ts`).trimEnd().split('\n').length).toBeLessThanOrEqual(7);
  });

  it('do not import one another, apart from the real log that specs run on', () => {
    const names = services.map(({ name }) => name);
    const offenders = sourceFiles().filter((file) => {
      const own = projectOf(file);
      return (
        own?.tags.includes('type:service') === true &&
        importsOf(textOf(file)).some((module) =>
          names.some(
            (name) =>
              name !== own.name &&
              (module === name || module.startsWith(`${name}/`)) &&
              !(isTestCode(file) && module === '@plumbline/audit/testing'),
          ),
        )
      );
    });
    expect(offenders).toEqual([]);
  });

  it('see ports, not adapters', () => {
    const offenders = sourceFiles()
      .filter((file) => file.startsWith('services/') && !file.startsWith('services/standalone/') && !isTestCode(file))
      .flatMap((file) => {
        const allowed = ADAPTERS_IN_SERVICES[projectOf(file)?.dir ?? ''] ?? [];
        return importsOf(textOf(file))
          .filter(
            (module) => /^@plumbline\/[^/]+\/.+/.test(module) && !allowed.some((prefix) => module.startsWith(prefix)),
          )
          .map((module) => `${file} imports ${module}`);
      });
    expect(offenders).toEqual([]);
  });

  it('keep their domain pure: no framework, no I/O, no clock of their own', () => {
    const offenders = sourceFiles()
      .filter((file) => /^services\/[^/]+\/src\/domain\//.test(file) && !isTestCode(file))
      .filter((file) => {
        const text = textOf(file);
        return (
          importsOf(text).some((module) => /^@nestjs|^node:(fs|net|http|child_process)|^pg$|^undici$/.test(module)) ||
          /\bDate\.now\(\)|\bnew Date\(\)|\bMath\.random\(\)|\brandomUUID\(/.test(
            text.replaceAll(/\/\/.*$|\/\*[\s\S]*?\*\//gm, ''),
          )
        );
      });
    expect(offenders).toEqual([]);
  });
});

describe('imports', () => {
  it('reach other projects only through their entry points', () => {
    const entries = new Set(
      all.flatMap(({ name, exports }) => exports.map((entry) => (entry === '.' ? name : `${name}${entry.slice(1)}`))),
    );
    // Benchmarks measure parts that have no entry point.
    const offenders = sourceFiles()
      .filter((file) => !file.startsWith('test/bench/'))
      .flatMap((file) =>
        importsOf(textOf(file))
          .filter(
            (module) =>
              (module.startsWith('@plumbline/') && !entries.has(module)) ||
              /(^|\/)\.\.\/(libs|services|cli)\//.test(module),
          )
          .map((module) => `${file} imports ${module}`),
      );
    expect(offenders).toEqual([]);
  });

  it('take the simulated cluster nowhere but in its own package: everything else starts its process', () => {
    const offenders = sourceFiles()
      .filter((file) => !file.startsWith('simulated-cluster/'))
      .filter((file) =>
        importsOf(textOf(file)).some((module) =>
          /^@plumbline\/simulated-cluster|simulated-cluster\/src\//.test(module),
        ),
      );
    expect(offenders).toEqual([]);
  });

  it('keep the simulated cluster out of the image and the chart', () => {
    expect(textOf('deploy/docker/Dockerfile')).toMatch(/rm -rf [^&]* simulated-cluster /);
    const chart = readdirSync(path.join(root, 'deploy/helm'), { recursive: true, encoding: 'utf8' })
      .map((file) => `deploy/helm/${file}`)
      .filter((file) => statSync(path.join(root, file)).isFile() && /simulated/i.test(textOf(file)));
    expect(chart).toEqual([]);
  });

  it('take the test kit and vitest only in tests', () => {
    const offenders = sourceFiles()
      .filter((file) => /^(libs|services|cli)\//.test(file) && !file.startsWith('libs/testkit/') && !isTestCode(file))
      .filter((file) => importsOf(textOf(file)).some((module) => /^@plumbline\/testkit|^vitest/.test(module)));
    expect(offenders).toEqual([]);
  });
});
