// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { OBJECT_STORE, type ObjectStore } from '@plumbline/object-store';
import { reactorProvider } from '@plumbline/platform';
import { ApplicationRender } from './application-render.js';
import { RendererState } from './domain/state.js';
import { RENDERER_CONFIG, type RendererConfig, rendererConfigProvider } from './renderer.config.js';
import { RendererEvents } from './renderer.events.js';
import { RendererMetrics } from './renderer.metrics.js';
import { RendererService } from './renderer.service.js';
import { createRenderers } from './renderers/index.js';
import { RenderEngine } from './renderers/render-engine.js';
import { DeclaredResources } from './sources/declared-resources.js';
import { Sources } from './sources/sources.js';

/** Renders revisions into versions. */
@Module({
  controllers: [RendererEvents],
  providers: [
    rendererConfigProvider,
    RendererState,
    RendererMetrics,
    { provide: Sources, inject: [RENDERER_CONFIG], useFactory: ({ sources }: RendererConfig) => new Sources(sources) },
    {
      provide: RenderEngine,
      inject: [RENDERER_CONFIG, OBJECT_STORE, RendererMetrics],
      useFactory: ({ surroundings, sealKey }: RendererConfig, store: ObjectStore, metrics: RendererMetrics) =>
        new RenderEngine({
          renderers: createRenderers(surroundings),
          store,
          sealKey,
          onRendered: (renderer, result, durationMs) => metrics.ran(renderer, result, durationMs),
        }),
    },
    ApplicationRender,
    DeclaredResources,
    RendererService,
    reactorProvider({
      consumer: 'renderer',
      service: 'renderer',
      events: RendererEvents,
      fold: RendererState,
      code: [import.meta.url, import.meta.resolve('@plumbline/read-models')],
    }),
  ],
})
export class RendererModule {}
