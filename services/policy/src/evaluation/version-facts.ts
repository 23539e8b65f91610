// SPDX-License-Identifier: Apache-2.0
import { Digest } from '@plumbline/core';
import type { Verdict } from '@plumbline/events';
import { type ObjectSetEntry, parseKey, parseObjectSet } from '@plumbline/manifest';
import type { ObjectStore } from '@plumbline/object-store';
import { type ApplicationView, versionKey, type VersionView } from '@plumbline/read-models';
import { z } from 'zod';
import { builtInChecks, type CheckedObject, type ServedKinds } from '../domain/checks.js';
import { clustersOf } from '../domain/decide.js';
import { DEFINITIONS, SchemaFacts, type ServedBy, type ServedSchemas } from './schema-facts.js';
import type { PolicyViews } from '../domain/policy-views.js';

const apis = z.object({
  resources: z.array(
    z.object({ group: z.string(), version: z.string(), kind: z.string(), schema: z.string().optional() }),
  ),
});
const CACHED_CLUSTERS = 512;
const CACHED_SETS = 10_000;

/**
 * Reads what the checks look at: the objects of a version, and the kinds with their schemas that its clusters serve.
 */
export class VersionFacts {
  readonly #objects: ObjectStore;

  readonly #served = new Map<string, Served>();
  readonly #definitions = new Map<Digest, readonly ObjectSetEntry[]>();
  readonly #schemas: SchemaFacts;

  constructor(objects: ObjectStore) {
    this.#objects = objects;

    this.#schemas = new SchemaFacts(objects);
  }

  /** Runs the built-in checks for a version. */
  async evaluate(views: PolicyViews, application: ApplicationView, version: VersionView): Promise<readonly Verdict[]> {
    const environment = application.spec.environments.find(({ name }) => name === version.environment);
    const clusters = environment === undefined ? [] : clustersOf(views, environment);
    const served: ServedKinds[] = [];
    const groups = new Map<string, ServedBy & { readonly clusters: string[] }>();
    for (const { name, apisDigest } of clusters) {
      const answer = apisDigest === undefined ? undefined : await this.#apis(apisDigest);
      served.push({ cluster: name, kinds: answer?.kinds });
      if (apisDigest === undefined || answer === undefined) continue;
      const group = groups.get(apisDigest);
      if (group === undefined) groups.set(apisDigest, { clusters: [name], schemas: answer.schemas });
      else group.clusters.push(name);
    }
    const set = parseObjectSet(await this.#objects.get(Digest.parse(version.renderDigest)));
    const schemas = await this.#schemas.findings(set, [...groups.values()], () =>
      this.#definitionsElsewhere(views, application.id),
    );
    return builtInChecks({
      application,
      version,
      clusters,
      served,
      schemas,
      objects: checked(set),
      project: views.get('project', application.project),
    });
  }

  /** Definitions in the newest versions of other applications. Asked for only when something is wrong. */
  async #definitionsElsewhere(views: PolicyViews, id: string): Promise<readonly ObjectSetEntry[]> {
    const digests = new Set<Digest>();
    for (const [, other] of views.scan('application', '')) {
      if (other.id === id) continue;
      for (const [environment, { latestVersion }] of Object.entries(other.environments)) {
        const newest =
          latestVersion === undefined
            ? undefined
            : views.get('version', versionKey(other.id, latestVersion, environment));
        if (newest !== undefined) digests.add(Digest.parse(newest.renderDigest));
      }
    }
    const missing = [...digests].filter((digest) => !this.#definitions.has(digest));
    const sets = missing.length === 0 ? new Map<Digest, string>() : await this.#objects.getMany(missing);
    if (this.#definitions.size >= CACHED_SETS) this.#definitions.clear();
    for (const [digest, content] of sets)
      this.#definitions.set(
        digest,
        parseObjectSet(content).filter(({ key }) => key.startsWith(DEFINITIONS)),
      );
    return [...digests].flatMap((digest) => this.#definitions.get(digest) ?? []);
  }

  async #apis(apisDigest: string): Promise<Served> {
    let served = this.#served.get(apisDigest);
    if (served === undefined) {
      const { resources } = apis.parse(JSON.parse(await this.#objects.get(Digest.parse(apisDigest))));
      const schemas = new Map(
        resources.map(({ group, version, kind, schema }) => [
          `${group === '' ? version : `${group}/${version}`}/${kind}`,
          schema,
        ]),
      );
      served = { kinds: new Set(schemas.keys()), schemas };
      if (this.#served.size >= CACHED_CLUSTERS) this.#served.clear();
      this.#served.set(apisDigest, served);
    }
    return served;
  }
}

interface Served {
  readonly kinds: ReadonlySet<string>;
  readonly schemas: ServedSchemas;
}

function checked(set: readonly ObjectSetEntry[]): readonly CheckedObject[] {
  return set.map(({ key, apiVersion }) => ({ key, apiVersion, ...parseKey(key) }));
}
