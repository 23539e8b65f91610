// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import {
  applyResources,
  approveVersion,
  deleteApplication,
  getCluster,
  getRepository,
  listApprovals,
  listClusters,
  listProjects,
  listRepositories,
  refreshRepository,
  rejectVersion,
} from '@plumbline/api-contract';
import { checkInput } from '../../operations/check-input.js';
import { ApprovalsService } from '../../approvals/approvals.service.js';
import { ReadModel } from '../../read-side/read-model.js';
import { ActionsService } from '../../actions/actions.service.js';
import { ResourcesService } from '../../resources/resources.service.js';
import type { Principal } from '../../state/access-book.js';
import { acceptedMessage } from './applications.grpc.js';
import { GrpcCalls } from './grpc-calls.js';
import { applicationOf, itemInput, optionalApplication, pageInfo, pageInput } from './grpc-input.js';
import type { HandlersOf, RequestOf } from './codec.js';
import type { Approvals, Clusters, Repositories, Resources } from './generated/plumbline/v1/plumbline_pb.js';

const removed = z.strictObject({
  kind: z.enum(['Project', 'Repository', 'Cluster', 'Application', 'Subscription']),
  id: z.string().min(1).max(130),
  orphan: z.boolean(),
  force: z.boolean(),
});

/** Resources, repositories, clusters and approvals over gRPC: the use cases of the REST API. */
@Injectable()
export class ResourcesGrpc {
  readonly #calls: GrpcCalls;
  readonly #resources: ResourcesService;
  readonly #reads: ReadModel;
  readonly #requests: ActionsService;
  readonly #approvals: ApprovalsService;

  constructor(
    @Inject(GrpcCalls) calls: GrpcCalls,
    @Inject(ResourcesService) resources: ResourcesService,
    @Inject(ReadModel) reads: ReadModel,
    @Inject(ActionsService) requests: ActionsService,
    @Inject(ApprovalsService) approvals: ApprovalsService,
  ) {
    this.#calls = calls;
    this.#resources = resources;
    this.#reads = reads;
    this.#requests = requests;
    this.#approvals = approvals;
  }

  resourcesServer(): HandlersOf<typeof Resources> {
    return {
      applyResources: this.#calls.unary(applyResources, async ({ resources, pruneLabels, dryRun }, principal) => {
        const labelSelector = Object.fromEntries(entriesOf(pruneLabels));
        const prune = Object.keys(labelSelector).length === 0 ? {} : { prune: { labelSelector } };
        const input = checkInput(applyResources.body, { resources: resources.map(resourceInput), dryRun, ...prune });
        const result = await this.#resources.apply(principal, input);
        return {
          dryRun: result.dryRun,
          position: result.position,
          resources: result.resources.map((applied) => ({ ...applied, fields: [...applied.fields] })),
        };
      }),
      // Removing an application asks for the least; the service asks for more where the kind does.
      deleteResource: this.#calls.unary(deleteApplication, (request, principal) => {
        const { kind, id, orphan, force } = checkInput(removed, request);
        return this.#resources.remove(principal, {
          kind,
          id: kind === 'Application' ? applicationOf(id) : id,
          mode: orphan ? 'Orphan' : 'Delete',
          force: kind === 'Cluster' && force,
        });
      }),
      listProjects: this.#calls.unary(listProjects, async ({ page }) => {
        const found = await this.#reads.list('project', pageInput(page));
        return { items: found.items, page: pageInfo(found) };
      }),
    };
  }

  repositoriesServer(): HandlersOf<typeof Repositories> {
    return {
      listRepositories: this.#calls.unary(listRepositories, async ({ page }) => {
        const found = await this.#reads.list('repository', pageInput(page));
        return { items: found.items, page: pageInfo(found) };
      }),
      getRepository: this.#calls.unary(getRepository, async ({ name, ...query }) => ({
        repository: await this.#reads.get('repository', name, itemInput(query)),
      })),
      refreshRepository: this.#calls.unary(refreshRepository, async ({ name }, principal) => ({
        accepted: acceptedMessage(await this.#requests.refresh(principal, name)),
      })),
    };
  }

  clustersServer(): HandlersOf<typeof Clusters> {
    return {
      listClusters: this.#calls.unary(listClusters, async ({ page }) => {
        const found = await this.#reads.list('cluster', pageInput(page));
        return { items: found.items, page: pageInfo(found) };
      }),
      getCluster: this.#calls.unary(getCluster, async ({ name, ...query }) => ({
        cluster: await this.#reads.get('cluster', name, itemInput(query)),
      })),
    };
  }

  approvalsServer(): HandlersOf<typeof Approvals> {
    return {
      listApprovals: this.#calls.unary(listApprovals, async ({ page, application }) => {
        const found = await this.#approvals.list({
          ...pageInput(page),
          application: optionalApplication(application),
        });
        return { items: found.items, page: pageInfo(found) };
      }),
      approveVersion: this.#calls.unary(approveVersion, async (request, principal) => ({
        result: await this.#submit(principal, 'Approve', request),
      })),
      rejectVersion: this.#calls.unary(rejectVersion, async (request, principal) => ({
        result: await this.#submit(principal, 'Reject', request),
      })),
    };
  }

  async #submit(
    principal: Principal,
    verdict: 'Approve' | 'Reject',
    { application, version, ...given }: RequestOf<typeof Approvals, 'approveVersion'>,
  ): Promise<object> {
    const input = checkInput(approveVersion.body, given);
    const { environment, renderDigest, outcome, granted, required, reason, message, ...accepted } =
      await this.#approvals.submit(principal, {
        ...input,
        application: applicationOf(application),
        version,
        verdict,
      });
    return {
      accepted: acceptedMessage(accepted),
      environment,
      version,
      renderDigest,
      outcome,
      granted,
      required,
      reason,
      message,
    };
  }
}

/** A resource as REST takes it. */
function resourceInput({
  apiVersion,
  kind,
  metadata,
  spec,
}: RequestOf<typeof Resources, 'applyResources'>['resources'][number]): unknown {
  const { name = '', project, labels } = metadata ?? {};
  const own = project === undefined || project === '' ? {} : { project };
  return {
    apiVersion,
    kind,
    metadata: { name, labels: Object.fromEntries(entriesOf(labels)), ...own },
    ...(spec === undefined ? {} : { spec }),
  };
}

function entriesOf(map: Readonly<Record<string, string>> | undefined): readonly (readonly [string, string])[] {
  return Object.entries(map ?? {});
}
