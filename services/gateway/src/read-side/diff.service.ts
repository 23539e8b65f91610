// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type { EnvironmentDifference, ObjectDifference } from '@plumbline/api-contract';
import { Digest, InputError } from '@plumbline/core';
import {
  diffObjects,
  type ManifestObject,
  type ObjectSetEntry,
  parseObject,
  parseObjectSet,
} from '@plumbline/manifest';
import { OBJECT_STORE, type ObjectStore } from '@plumbline/object-store';
import { type ApplicationView, versionKey, type ViewReader } from '@plumbline/read-models';
import { noVersion } from './read-model.js';

/** Which versions to compare. */
export interface DiffInput {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly environment?: string | undefined;
}

/** Objects of one digest are read once per so many. */
const CHUNK = 500;

/** Compares rendered versions. Values of Secrets are sealed in the store and never leave it. */
@Injectable()
export class DiffService {
  readonly #store: ObjectStore;

  constructor(@Inject(OBJECT_STORE) store: ObjectStore) {
    this.#store = store;
  }

  /** From what is released to the newest when nothing is given; environments that have neither version are left out. */
  async diff(
    views: ViewReader,
    application: ApplicationView,
    input: DiffInput,
  ): Promise<readonly EnvironmentDifference[]> {
    const names =
      input.environment === undefined ? application.spec.environments.map(({ name }) => name) : [input.environment];
    const found: EnvironmentDifference[] = [];
    for (const name of names) {
      const difference = await this.#environment({ views, application, name }, input);
      if (difference !== undefined) found.push(difference);
    }
    if (found.length === 0) {
      const version = input.to ?? input.from;
      if (version !== undefined) throw noVersion(application.id, version, input.environment);
    }
    return found;
  }

  async #environment(
    {
      views,
      application,
      name,
    }: { readonly views: ViewReader; readonly application: ApplicationView; readonly name: string },
    input: DiffInput,
  ): Promise<EnvironmentDifference | undefined> {
    const digestAt = (version: number | undefined): ReturnType<typeof newestUpTo> =>
      newestUpTo(views, { application: application.id, environment: name }, version);
    const environment = application.environments[name];
    if (environment === undefined)
      throw new InputError('PLB-1706', `application "${application.id}" has no environment "${name}"`);
    const to = digestAt(input.to ?? environment.latestVersion);
    const from = digestAt(input.from ?? environment.released?.version);
    if (to === undefined || (input.from !== undefined && input.from > 0 && from === undefined)) return undefined;
    const [before, after] = await Promise.all([this.#set(from?.renderDigest), this.#set(to.renderDigest)]);
    const keys = [...new Set([...before.keys(), ...after.keys()])].sort();
    const changed = keys.filter((key) => before.get(key)?.digest !== after.get(key)?.digest);
    const objects = await this.#objects(changed, before, after);
    return {
      environment: name,
      to: to.version,
      ...(from === undefined ? {} : { from: from.version }),
      unchangedCount: keys.length - changed.length,
      objects,
    };
  }

  async #set(digest: string | undefined): Promise<ReadonlyMap<string, ObjectSetEntry>> {
    if (digest === undefined) return new Map();
    const entries = parseObjectSet(await this.#store.get(Digest.parse(digest)));
    return new Map(entries.map((entry) => [entry.key, entry]));
  }

  async #objects(
    keys: readonly string[],
    before: ReadonlyMap<string, ObjectSetEntry>,
    after: ReadonlyMap<string, ObjectSetEntry>,
  ): Promise<readonly ObjectDifference[]> {
    const objects: ObjectDifference[] = [];
    for (let start = 0; start < keys.length; start += CHUNK) {
      const chunk = keys.slice(start, start + CHUNK);
      const digests = chunk
        .flatMap((key) => [before.get(key)?.digest, after.get(key)?.digest])
        .filter((digest) => digest !== undefined);
      const contents = await this.#store.getMany([...new Set(digests)]);
      const read = (entry: ObjectSetEntry | undefined): ManifestObject | undefined => {
        const content = entry === undefined ? undefined : contents.get(entry.digest);
        return content === undefined ? undefined : parseObject(content);
      };
      for (const key of chunk) {
        const [left, right] = [before.get(key), after.get(key)];
        const change = left === undefined ? 'Added' : right === undefined ? 'Removed' : 'Changed';
        objects.push({ key, change, fields: diffObjects(read(left), read(right)) });
      }
    }
    return objects;
  }
}

/** The newest version up to a number: an environment that a commit did not touch has no version of that number. */
function newestUpTo(
  views: ViewReader,
  of: { readonly application: string; readonly environment: string },
  version: number | undefined,
): { readonly version: number; readonly renderDigest: string } | undefined {
  for (let number = version ?? 0; number >= 1; number -= 1) {
    const document = views.get('version', versionKey(of.application, number, of.environment));
    if (document !== undefined) return document;
  }
  return undefined;
}
