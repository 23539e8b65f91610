// SPDX-License-Identifier: Apache-2.0
import {
  canonicalJson,
  type Clock,
  derivedId,
  Digest,
  type Json,
  requestTimeMs,
  StreamName,
  uuidTimeMs,
} from '@plumbline/core';
import type { EventLog } from '@plumbline/event-log';
import type { NewEvent } from '@plumbline/events';
import type { GitTree } from '@plumbline/git';
import { decodeText, parseYaml } from '@plumbline/manifest';
import type { ObjectStore } from '@plumbline/object-store';
import type { RepositoryView, ViewStore } from '@plumbline/read-models';
import type { Sources } from './adapters/sources.js';
import { failureOf, isTransient } from './domain/failure.js';
import { ACTOR } from './domain/provenance.js';
import { readManifestFiles } from './renderers/plain/plain.renderer.js';
import { treePath } from './renderers/paths.js';

/** What the reader of declared resources works with. */
export interface FollowedResourcesDeps {
  readonly log: EventLog;
  readonly objects: ObjectStore;
  readonly sources: Sources;
  readonly views: ViewStore;
  readonly clock: Clock;
}

/** Reads the resources that repositories declare (`spec.resources`) and appends what it read; whether they are right is the gateway's to say. */
export class FollowedResources {
  readonly #deps: FollowedResourcesDeps;

  /** Revision that was found to hold nothing new, per repository: looked at once, not again with every wake-up. */
  readonly #unchanged = new Map<string, string>();

  constructor(deps: FollowedResourcesDeps) {
    this.#deps = deps;
  }

  /** Repositories whose declared resources have to be looked at, from the fold alone. */
  due(): readonly string[] {
    return [...this.#deps.views.all('repository')].filter((view) => this.#isDue(view)).map(({ name }) => name);
  }

  #isDue({ name, spec, refs, resources }: RepositoryView): boolean {
    const ref = spec.resources === undefined ? undefined : refs[spec.resources.ref];
    return (
      ref !== undefined &&
      resources?.revision !== ref.revision &&
      this.#unchanged.get(name) !== this.#mark(spec, ref.revision)
    );
  }

  #mark(spec: RepositoryView['spec'], revision: string): string {
    return `${revision} ${canonicalJson(spec.resources ?? null)}`;
  }

  /** Looks at one repository; returns the position of what was appended. @throws what may pass by itself */
  async read(name: string): Promise<number | undefined> {
    const view = this.#deps.views.get('repository', name);
    const declared = view?.spec.resources;
    const ref = declared === undefined ? undefined : view?.refs[declared.ref];
    if (view === undefined || declared === undefined || ref === undefined || !this.#isDue(view)) return undefined;
    const at = { repository: name, ref: declared.ref, revision: ref.revision };
    const event = await this.#found(view, at, declared.path);
    if (event === undefined) {
      this.#unchanged.set(name, this.#mark(view.spec, ref.revision));
      return undefined;
    }
    const { lastPosition } = await this.#deps.log.append({
      requestId: derivedId(
        requestTimeMs(uuidTimeMs(ref.eventId), this.#deps.clock.nowMs()),
        'resources',
        ref.eventId,
        String(view.declared.position),
        canonicalJson(event.data),
      ),
      actor: ACTOR,
      service: 'renderer',
      causationId: ref.eventId,
      correlationId: ref.correlationId,
      items: [{ stream: StreamName.repository(name), expected: { type: 'exists' }, events: [event] }],
    });
    return lastPosition;
  }

  async #found(
    view: RepositoryView,
    at: { readonly repository: string; readonly ref: string; readonly revision: string },
    path: string,
  ): Promise<NewEvent | undefined> {
    try {
      const documents = await readDocuments(await this.#deps.sources.tree(view.spec, at.revision), treePath(path));
      const content = canonicalJson({ resources: documents });
      const digest = Digest.of(content);
      if (view.resources?.digest === digest && view.resources.state === 'Applied') return undefined;
      await this.#deps.objects.put([{ digest, content }]);
      return { type: 'ResourcesRead', data: { ...at, digest, count: documents.length } };
    } catch (error) {
      if (isTransient(error)) throw error;
      const { reason, message } = failureOf(error);
      return { type: 'ResourcesUnreadable', data: { ...at, reason, message } };
    }
  }
}

async function readDocuments(
  tree: GitTree,
  path: string,
): Promise<readonly { readonly source: string; readonly resource: Json }[]> {
  const files = await readManifestFiles(tree, path);
  return files.flatMap(({ path: file, content }) =>
    parseYaml(decodeText(content, file), file).map(({ value, document }) => ({
      source: `${file}#${document}`,
      resource: value,
    })),
  );
}
