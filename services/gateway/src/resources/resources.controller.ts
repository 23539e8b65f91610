// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import type { ClusterView, ProjectView, RepositoryView } from '@plumbline/read-models';
import type { InputOf } from '../api/operation.js';
import { Input, Serve } from '../api/serve.js';
import { type DocumentPage, ReadModel } from '../reads/read-model.js';
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
} from './resources.operations.js';
import { type ApplyResult, type ChangeResult, ResourcesService } from './resources.service.js';

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
  apply(@Input() { principal, body }: InputOf<typeof applyResources>): Promise<ApplyResult> {
    return this.#resources.apply(principal, body);
  }

  @Serve(deleteProject)
  deleteProject(@Input() { principal, params }: InputOf<typeof deleteProject>): Promise<ChangeResult> {
    return this.#resources.remove(principal, { kind: 'Project', id: params.name });
  }

  @Serve(deleteRepository)
  deleteRepository(@Input() { principal, params }: InputOf<typeof deleteRepository>): Promise<ChangeResult> {
    return this.#resources.remove(principal, { kind: 'Repository', id: params.name });
  }

  @Serve(deleteCluster)
  deleteCluster(@Input() { principal, params, query }: InputOf<typeof deleteCluster>): Promise<ChangeResult> {
    return this.#resources.remove(principal, { kind: 'Cluster', id: params.name, force: query.force });
  }

  @Serve(deleteApplication)
  deleteApplication(@Input() { principal, params, query }: InputOf<typeof deleteApplication>): Promise<ChangeResult> {
    return this.#resources.remove(principal, {
      kind: 'Application',
      id: `${params.project}/${params.name}`,
      mode: query.mode === 'orphan' ? 'Orphan' : 'Delete',
    });
  }

  @Serve(listProjects)
  listProjects(@Input() { query }: InputOf<typeof listProjects>): Promise<DocumentPage<ProjectView>> {
    return this.#reads.list('project', query);
  }

  @Serve(getProject)
  getProject(@Input() { params, query }: InputOf<typeof getProject>): Promise<ProjectView> {
    return this.#reads.get('project', params.name, query);
  }

  @Serve(listRepositories)
  listRepositories(@Input() { query }: InputOf<typeof listRepositories>): Promise<DocumentPage<RepositoryView>> {
    return this.#reads.list('repository', query);
  }

  @Serve(getRepository)
  getRepository(@Input() { params, query }: InputOf<typeof getRepository>): Promise<RepositoryView> {
    return this.#reads.get('repository', params.name, query);
  }

  @Serve(listClusters)
  listClusters(@Input() { query }: InputOf<typeof listClusters>): Promise<DocumentPage<ClusterView>> {
    return this.#reads.list('cluster', query);
  }

  @Serve(getCluster)
  getCluster(@Input() { params, query }: InputOf<typeof getCluster>): Promise<ClusterView> {
    return this.#reads.get('cluster', params.name, query);
  }
}
