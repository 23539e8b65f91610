// SPDX-License-Identifier: Apache-2.0
import { canonicalJson, Digest } from '@plumbline/core';
import {
  compactDefinition,
  type KindSchema,
  optsOutOfValidation,
  type SchemaIssue,
  validateObject,
} from '@plumbline/kube/schema';
import { type ManifestObject, type ObjectSetEntry, parseObject } from '@plumbline/manifest';
import type { ObjectStore } from '@plumbline/object-store';
import type { SchemaFindings } from '../domain/schema-check.js';

/** What clusters serve: `apiVersion/Kind` to the digest of its schema, undefined where none is known. */
export type ServedSchemas = ReadonlyMap<string, string | undefined>;

/** Clusters that serve the same. */
export interface ServedBy {
  readonly clusters: readonly string[];
  readonly schemas: ServedSchemas;
}

interface Defined {
  readonly id: string;
  readonly digest: string;
}

interface Pair {
  readonly schema: string;
  readonly entry: ObjectSetEntry;
}

/** How the keys of definitions begin. */
export const DEFINITIONS = 'apiextensions.k8s.io/CustomResourceDefinition/';
const MAX_PASSED = 50_000;
const MAX_SCHEMAS = 2_000;
const MAX_DEFINITIONS = 2_000;

/**
 * Holds objects against schemas. What passed once passes for good: both have addresses, so a version costs what is
 * new in it.
 */
export class SchemaFacts {
  readonly #objects: ObjectStore;

  readonly #passed = new Map<string, Set<string>>();
  #passedCount = 0;
  readonly #schemas = new Map<string, KindSchema>();
  readonly #defined = new Map<string, readonly Defined[]>();

  constructor(objects: ObjectStore) {
    this.#objects = objects;
  }

  /**
   * What the schemas of each group of clusters say about a set. Definitions in the set count before those that a
   * cluster has.
   * Where a cluster's schema objects, those that other applications are about to bring (`elsewhere`) are asked too:
   * the definition of a kind and its
   * resources often change in one commit.
   */
  async findings(
    set: readonly ObjectSetEntry[],
    served: readonly ServedBy[],
    elsewhere: () => Promise<readonly ObjectSetEntry[]>,
  ): Promise<readonly SchemaFindings[]> {
    if (served.length === 0) return [];
    const own = await this.#ownSchemas(set);
    const due = new Map<string, Pair>();
    const plans = served.map(({ clusters, schemas }) => {
      const unknown = new Set<string>();
      const pairs: Pair[] = [];
      for (const entry of set) {
        const id = idOf(entry);
        const schema = own.get(id) ?? schemas.get(id);
        // A kind that is not served is the business of another check.
        if (schema === undefined && schemas.has(id)) unknown.add(id);
        if (schema === undefined || this.#passed.get(schema)?.has(entry.digest) === true) continue;
        const pair = { schema, entry };
        pairs.push(pair);
        due.set(idOfPair(pair), pair);
      }
      return {
        clusters,
        unknown,
        pairs,
        published: own.size > 0 || [...schemas.values()].some((schema) => schema !== undefined),
      };
    });
    const judged = await this.#judge([...due.values()]);
    const excused = await this.#excused(
      [...due.values()].filter((pair) => !own.has(idOf(pair.entry)) && (judged.get(idOfPair(pair))?.length ?? 0) > 0),
      elsewhere,
    );
    return plans.map(({ clusters, unknown, pairs, published }) => {
      const issues = new Map<string, readonly SchemaIssue[]>();
      for (const pair of pairs) {
        const found = judged.get(idOfPair(pair));
        if (found === undefined || excused.has(pair.entry.key)) unknown.add(idOf(pair.entry));
        else if (found.length > 0) issues.set(pair.entry.key, found);
      }
      return { clusters, issues, unknown: [...unknown].sort(), published };
    });
  }

  /** Keys of objects that are right by a definition of another application. */
  async #excused(
    pairs: readonly Pair[],
    elsewhere: () => Promise<readonly ObjectSetEntry[]>,
  ): Promise<ReadonlySet<string>> {
    // Groups of definitions are domains.
    const custom = pairs.filter(({ entry }) => entry.apiVersion.includes('.'));
    const excused = new Set<string>();
    if (custom.length === 0) return excused;
    const definitions = await elsewhere();
    await this.#ownSchemas(definitions);
    const others = definitions.flatMap(({ digest }) => this.#defined.get(digest) ?? []);
    const again = custom.flatMap(({ entry, schema }) =>
      others
        .filter(({ id, digest }) => id === idOf(entry) && digest !== schema)
        .map(({ digest }) => ({ schema: digest, entry })),
    );
    const judged = await this.#judge(again);
    for (const pair of again) if (judged.get(idOfPair(pair))?.length === 0) excused.add(pair.entry.key);
    return excused;
  }

  /** Issues by pair; a pair whose schema or object is not in the store is absent. */
  async #judge(pairs: readonly Pair[]): Promise<ReadonlyMap<string, readonly SchemaIssue[]>> {
    await this.#loadSchemas(pairs.map(({ schema }) => schema));
    const contents = await this.#objects.getMany([...new Set(pairs.map(({ entry }) => entry.digest))]);
    const parsed = new Map<string, ManifestObject>();
    const judged = new Map<string, readonly SchemaIssue[]>();
    for (const pair of pairs) {
      const { schema: digest, entry } = pair;
      const schema = this.#schemas.get(digest);
      const content = contents.get(entry.digest);
      if (schema === undefined || content === undefined) continue;
      const object = parsed.get(entry.digest) ?? parseObject(content);
      parsed.set(entry.digest, object);
      const issues = optsOutOfValidation(object.metadata.annotations) ? [] : validateObject(schema, object);
      judged.set(idOfPair(pair), issues);
      if (issues.length === 0) this.#pass(digest, entry.digest);
    }
    return judged;
  }

  #pass(schema: string, object: string): void {
    if (this.#passedCount >= MAX_PASSED) {
      this.#passed.clear();
      this.#passedCount = 0;
    }
    const known = this.#passed.get(schema);
    if (known === undefined) this.#passed.set(schema, new Set([object]));
    else known.add(object);
    this.#passedCount += 1;
  }

  async #loadSchemas(digests: readonly string[]): Promise<void> {
    const missing = [...new Set(digests)].filter((digest) => !this.#schemas.has(digest));
    if (missing.length === 0) return;
    const found = await this.#objects.getMany(missing.map((digest) => Digest.parse(digest)));
    if (this.#schemas.size >= MAX_SCHEMAS) this.#schemas.clear();
    for (const [digest, content] of found) this.#schemas.set(digest, JSON.parse(content) as KindSchema);
  }

  /** Schemas of the kinds that the set itself defines. */
  async #ownSchemas(set: readonly ObjectSetEntry[]): Promise<ReadonlyMap<string, string>> {
    const definitions = set.filter(({ key }) => key.startsWith(DEFINITIONS));
    const missing = definitions.filter(({ digest }) => !this.#defined.has(digest));
    const contents =
      missing.length === 0
        ? new Map<Digest, string>()
        : await this.#objects.getMany(missing.map(({ digest }) => digest));
    if (this.#defined.size >= MAX_DEFINITIONS) this.#defined.clear();
    const own = new Map<string, string>();
    for (const { digest } of definitions) {
      const content = contents.get(digest);
      const kinds = this.#defined.get(digest) ?? (content === undefined ? [] : this.#define(content));
      if (content !== undefined) this.#defined.set(digest, kinds);
      for (const kind of kinds) own.set(kind.id, kind.digest);
    }
    return own;
  }

  #define(content: string): readonly Defined[] {
    return compactDefinition(JSON.parse(content)).map(({ apiVersion, kind, schema }) => {
      const digest = Digest.of(canonicalJson(schema));
      this.#schemas.set(digest, schema);
      return { id: `${apiVersion}/${kind}`, digest };
    });
  }
}

function idOf({ key, apiVersion }: ObjectSetEntry): string {
  const [, kind = ''] = key.split('/');
  return `${apiVersion}/${kind}`;
}

function idOfPair({ schema, entry }: Pair): string {
  return `${schema} ${entry.key} ${entry.digest}`;
}
