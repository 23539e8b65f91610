// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import {
  applyResources,
  deleteApplication,
  deleteCluster,
  deleteProject,
  deleteRepository,
  getCluster,
  getProject,
  getRepository,
  listClusters,
  listProjects,
  listRepositories,
} from '@plumbline/api-contract';
import type { InputOf } from '../operations/operation.js';
import { Input, Serve } from '../operations/serve.js';
import { ReadModel } from '../read-side/read-model.js';
import { ResourcesService } from './resources.service.js';

/** Declared resources over REST. */
@Controller()
export class ResourcesController {
  readonly #resources: ResourcesService;
  readonly #reads: ReadModel;

  constructor(@Inject(ResourcesService) resources: ResourcesService, @Inject(ReadModel) reads: ReadModel) {
    this.#resources = resources;
    this.#reads = reads;
  }

  @Serve(applyResources)
  apply(@Input() { principal, body }: InputOf<typeof applyResources>) {
    return this.#resources.apply(principal, body);
  }

  @Serve(deleteProject)
  deleteProject(@Input() { principal, params }: InputOf<typeof deleteProject>) {
    return this.#resources.remove(principal, { kind: 'Project', id: params.name });
  }

  @Serve(deleteRepository)
  deleteRepository(@Input() { principal, params }: InputOf<typeof deleteRepository>) {
    return this.#resources.remove(principal, { kind: 'Repository', id: params.name });
  }

  @Serve(deleteCluster)
  deleteCluster(@Input() { principal, params, query }: InputOf<typeof deleteCluster>) {
    return this.#resources.remove(principal, { kind: 'Cluster', id: params.name, force: query.force });
  }

  @Serve(deleteApplication)
  deleteApplication(@Input() { principal, params, query }: InputOf<typeof deleteApplication>) {
    return this.#resources.remove(principal, {
      kind: 'Application',
      id: `${params.project}/${params.name}`,
      mode: query.mode === 'orphan' ? 'Orphan' : 'Delete',
    });
  }

  @Serve(listProjects)
  listProjects(@Input() { query }: InputOf<typeof listProjects>) {
    return this.#reads.list('project', query);
  }

  @Serve(getProject)
  getProject(@Input() { params, query }: InputOf<typeof getProject>) {
    return this.#reads.get('project', params.name, query);
  }

  @Serve(listRepositories)
  listRepositories(@Input() { query }: InputOf<typeof listRepositories>) {
    return this.#reads.list('repository', query);
  }

  @Serve(getRepository)
  getRepository(@Input() { params, query }: InputOf<typeof getRepository>) {
    return this.#reads.get('repository', params.name, query);
  }

  @Serve(listClusters)
  listClusters(@Input() { query }: InputOf<typeof listClusters>) {
    return this.#reads.list('cluster', query);
  }

  @Serve(getCluster)
  getCluster(@Input() { params, query }: InputOf<typeof getCluster>) {
    return this.#reads.get('cluster', params.name, query);
  }
}
