// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import type { EventOf } from '@plumbline/events';
import { RendererState } from './domain/state.js';

const RENDERER = { consumer: 'renderer' };

/** The events that the renderer consumes. */
@Controller()
export class RendererEvents {
  readonly #state: RendererState;

  constructor(@Inject(RendererState) state: RendererState) {
    this.#state = state;
  }

  @EventPattern('RepositoryDeclared', RENDERER)
  repositoryDeclared(event: EventOf<'RepositoryDeclared'>): void {
    this.#state.repositoryChanged(event);
  }

  @EventPattern('RepositoryRemoved', RENDERER)
  repositoryRemoved(event: EventOf<'RepositoryRemoved'>): void {
    this.#state.repositoryChanged(event);
  }

  @EventPattern('RevisionObserved', RENDERER)
  revisionObserved(event: EventOf<'RevisionObserved'>): void {
    this.#state.revisionObserved(event);
  }

  @EventPattern('ApplicationDeclared', RENDERER)
  applicationDeclared(event: EventOf<'ApplicationDeclared'>): void {
    this.#state.applicationDeclared(event);
  }

  @EventPattern('ApplicationRemoved', RENDERER)
  applicationRemoved(event: EventOf<'ApplicationRemoved'>): void {
    this.#state.applicationRemoved(event);
  }

  @EventPattern('VersionRendered', RENDERER)
  versionRendered(event: EventOf<'VersionRendered'>): void {
    this.#state.versionRendered(event);
  }

  @EventPattern('RenderFailed', RENDERER)
  renderFailed(event: EventOf<'RenderFailed'>): void {
    this.#state.renderFailed(event);
  }

  @EventPattern('ResourcesRead', RENDERER)
  resourcesRead(event: EventOf<'ResourcesRead'>): void {
    this.#state.resourcesChanged(event);
  }

  @EventPattern('ResourcesUnreadable', RENDERER)
  resourcesUnreadable(event: EventOf<'ResourcesUnreadable'>): void {
    this.#state.resourcesChanged(event);
  }

  @EventPattern('ResourcesApplied', RENDERER)
  resourcesApplied(event: EventOf<'ResourcesApplied'>): void {
    this.#state.resourcesChanged(event);
  }

  @EventPattern('ResourcesRefused', RENDERER)
  resourcesRefused(event: EventOf<'ResourcesRefused'>): void {
    this.#state.resourcesChanged(event);
  }

  @EventPattern('SyncStarted', RENDERER)
  syncStarted(event: EventOf<'SyncStarted'>): void {
    this.#state.targetChanged(event);
  }

  @EventPattern('SyncCompleted', RENDERER)
  syncCompleted(event: EventOf<'SyncCompleted'>): void {
    this.#state.targetChanged(event);
  }

  @EventPattern('TargetRemoved', RENDERER)
  targetRemoved(event: EventOf<'TargetRemoved'>): void {
    this.#state.targetChanged(event);
  }
}
