// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
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
import type { NewEvent } from '@plumbline/events';
import type { GitTree } from '@plumbline/git';
import { decodeText, parseYaml } from '@plumbline/manifest';
import { OBJECT_STORE, type ObjectStore } from '@plumbline/object-store';
import { CLOCK, EVENT_REACTOR } from '@plumbline/platform';
import type { EventReactor } from '@plumbline/reactor';
import type { RepositoryView } from '@plumbline/read-models';
import { failureOf, isTransient } from '../domain/failure.js';
import { ACTOR } from '../domain/provenance.js';
import { RendererState } from '../domain/state.js';
import { treePath } from '../renderers/paths.js';
import { readManifestFiles } from '../renderers/plain/plain.renderer.js';
import { Sources } from './sources.js';

/**
 * Reads the resources that repositories declare (`spec.resources`) and appends what it read; the gateway validates
 * them.
 */
@Injectable()
export class DeclaredResources {
  readonly #reactor: EventReactor;
  readonly #state: RendererState;
  readonly #objects: ObjectStore;
  readonly #sources: Sources;
  readonly #clock: Clock;

  /** Revision that was found to hold nothing new, per repository: it is read once, not after every event. */
  readonly #unchanged = new Map<string, string>();

  constructor(
    @Inject(EVENT_REACTOR) reactor: EventReactor,
    @Inject(RendererState) state: RendererState,
    @Inject(OBJECT_STORE) objects: ObjectStore,
    @Inject(Sources) sources: Sources,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.#reactor = reactor;
    this.#state = state;
    this.#objects = objects;
    this.#sources = sources;
    this.#clock = clock;
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

  /**
   * Reads the resources of one repository, if its revision or its declaration is new, and appends what changed.
   * @throws what may pass by itself; what `append` throws
   */
  async read(name: string): Promise<void> {
    const view = this.#state.repository(name);
    const declared = view?.spec.resources;
    const ref = declared === undefined ? undefined : view?.refs[declared.ref];
    if (view === undefined || declared === undefined || ref === undefined || !this.#isDue(view)) return;
    const at = { repository: name, ref: declared.ref, revision: ref.revision };
    const event = await this.#found(view, at, declared.path);
    if (event === undefined) {
      this.#unchanged.set(name, this.#mark(view.spec, ref.revision));
      return;
    }
    await this.#reactor.append({
      requestId: derivedId(
        requestTimeMs(uuidTimeMs(ref.eventId), this.#clock.nowMs()),
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
  }

  async #found(
    view: RepositoryView,
    at: { readonly repository: string; readonly ref: string; readonly revision: string },
    path: string,
  ): Promise<NewEvent | undefined> {
    try {
      const documents = await readDocuments(await this.#sources.tree(view.spec, at.revision), treePath(path));
      const content = canonicalJson({ resources: documents });
      const digest = Digest.of(content);
      if (view.resources?.digest === digest && view.resources.state === 'Applied') return undefined;
      await this.#objects.put([{ digest, content }]);
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
