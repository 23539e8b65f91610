// SPDX-License-Identifier: Apache-2.0
import { Digest } from '@plumbline/core';
import type { Verdict } from '@plumbline/events';
import { parseKey, parseObjectSet } from '@plumbline/manifest';
import type { ObjectStore } from '@plumbline/object-store';
import type { ApplicationView, VersionView, ViewReader } from '@plumbline/views';
import { z } from 'zod';
import { builtInChecks } from './domain/checks.js';
import type { CheckedObject, ServedKinds } from './domain/checks.js';
import { clustersOf } from './domain/decide.js';

const apis = z.object({ resources: z.array(z.object({ group: z.string(), version: z.string(), kind: z.string() })) });
const CACHED_CLUSTERS = 512;

/** Reads what the checks look at: the object set of a version and the kinds that its clusters serve. */
export class VersionFacts {
  readonly #served = new Map<string, ReadonlySet<string>>();

  constructor(private readonly objects: ObjectStore) {}

  /** Runs the built-in checks for a version. */
  async evaluate(views: ViewReader, application: ApplicationView, version: VersionView): Promise<readonly Verdict[]> {
    const environment = application.spec.environments.find(({ name }) => name === version.environment);
    const clusters = environment === undefined ? [] : clustersOf(views, environment);
    const served: ServedKinds[] = [];
    for (const { name, apisDigest } of clusters) served.push({ cluster: name, kinds: apisDigest === undefined ? undefined : await this.#kinds(apisDigest) });
    return builtInChecks({ application, version, clusters, served, objects: await this.#objects(version.renderDigest), project: views.get('project', application.project) });
  }

  async #objects(renderDigest: string): Promise<readonly CheckedObject[]> {
    const set = parseObjectSet(await this.objects.get(Digest.parse(renderDigest)));
    return set.map(({ key, apiVersion }) => ({ key, apiVersion, ...parseKey(key) }));
  }

  async #kinds(apisDigest: string): Promise<ReadonlySet<string>> {
    let kinds = this.#served.get(apisDigest);
    if (kinds === undefined) {
      const { resources } = apis.parse(JSON.parse(await this.objects.get(Digest.parse(apisDigest))));
      kinds = new Set(resources.map(({ group, version, kind }) => `${group === '' ? version : `${group}/${version}`}/${kind}`));
      if (this.#served.size >= CACHED_CLUSTERS) this.#served.clear();
      this.#served.set(apisDigest, kinds);
    }
    return kinds;
  }
}
