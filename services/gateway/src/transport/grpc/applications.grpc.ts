// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import {
  diffVersions,
  getApplication,
  getApplicationStatus,
  getHistory,
  getVersion,
  listApplications,
  listTargets,
  listVersions,
  type ObjectDifference,
  planApplication,
  resumeApplication,
  rollbackApplication,
  suspendApplication,
  syncApplication,
} from '@plumbline/api-contract';
import { checkInput } from '../../operations/check-input.js';
import { ApplicationsService } from '../../applications/applications.service.js';
import { ActionsService } from '../../actions/actions.service.js';
import type { Accepted } from '../../state/log-access.js';
import { GrpcCalls } from './grpc-calls.js';
import { applicationOf, itemInput, optionalApplication, pageInfo, pageInput } from './grpc-input.js';
import type { HandlersOf } from './codec.js';
import type { Applications, Targets, Versions } from './generated/plumbline/v1/plumbline_pb.js';

/** Where an accepted request stands. */
export function acceptedMessage({ position, eventId, correlationId }: Accepted): Accepted {
  return { position, eventId, correlationId };
}

/** Applications, versions and targets over gRPC: the use cases of the REST API. */
@Injectable()
export class ApplicationsGrpc {
  readonly #calls: GrpcCalls;
  readonly #applications: ApplicationsService;
  readonly #requests: ActionsService;

  constructor(
    @Inject(GrpcCalls) calls: GrpcCalls,
    @Inject(ApplicationsService) applications: ApplicationsService,
    @Inject(ActionsService) requests: ActionsService,
  ) {
    this.#calls = calls;
    this.#applications = applications;
    this.#requests = requests;
  }

  applicationsServer(): HandlersOf<typeof Applications> {
    const calls = this.#calls,
      applications = this.#applications;
    return {
      listApplications: calls.unary(listApplications, async ({ page, project }) => {
        const found = await applications.list({ ...pageInput(page), project: project === '' ? undefined : project });
        return { items: found.items, page: pageInfo(found) };
      }),
      getApplication: calls.unary(getApplication, async ({ application, ...query }) => ({
        application: await applications.get(applicationOf(application), itemInput(query)),
      })),
      getApplicationStatus: calls.unary(getApplicationStatus, async ({ application, ...query }) => {
        const status = await applications.status(applicationOf(application), itemInput(query));
        return {
          application: status.application,
          environments: status.environments,
          position: status.position,
        };
      }),
      ...this.#requestHandlers(),
    };
  }

  #requestHandlers(): Pick<
    HandlersOf<typeof Applications>,
    'planApplication' | 'syncApplication' | 'rollbackApplication' | 'suspendApplication' | 'resumeApplication'
  > {
    const calls = this.#calls,
      requests = this.#requests;
    return {
      planApplication: calls.unary(planApplication, async ({ application, ...given }, principal) => {
        const result = await requests.plan(principal, {
          ...checkInput(planApplication.body, given),
          application: applicationOf(application),
        });
        return {
          accepted: acceptedMessage(result),
          complete: result.complete,
          plans: result.plans,
        };
      }),
      syncApplication: calls.unary(syncApplication, async ({ application, ...given }, principal) => ({
        accepted: acceptedMessage(
          await requests.sync(principal, {
            ...checkInput(syncApplication.body, given),
            application: applicationOf(application),
          }),
        ),
      })),
      rollbackApplication: calls.unary(rollbackApplication, async ({ application, ...given }, principal) => {
        const { outcome, releases, reason, message, ...accepted } = await requests.rollback(principal, {
          ...checkInput(rollbackApplication.body, given),
          application: applicationOf(application),
        });
        return {
          accepted: acceptedMessage(accepted),
          outcome,
          releases: releases.map((release) => ({ ...release, clusters: [...release.clusters] })),
          reason,
          message,
        };
      }),
      suspendApplication: calls.unary(suspendApplication, ({ application, ...given }, principal) =>
        requests.suspend(principal, applicationOf(application), checkInput(suspendApplication.body, given).reason),
      ),
      resumeApplication: calls.unary(resumeApplication, ({ application }, principal) =>
        requests.resume(principal, applicationOf(application)),
      ),
    };
  }

  versionsServer(): HandlersOf<typeof Versions> {
    const calls = this.#calls,
      applications = this.#applications;
    return {
      listVersions: calls.unary(listVersions, async ({ page, application, environment }) => {
        const found = await applications.versions(applicationOf(application), { ...pageInput(page), environment });
        return { items: found.items, page: pageInfo(found) };
      }),
      getVersion: calls.unary(getVersion, async ({ application, version, ...query }) => {
        const found = await applications.version(applicationOf(application), version, itemInput(query));
        return { items: found.items };
      }),
      getHistory: calls.unary(getHistory, async ({ page, application }) => {
        const found = await applications.history(applicationOf(application), pageInput(page));
        return { items: found.items, page: pageInfo(found) };
      }),
      diffVersions: calls.unary(diffVersions, async ({ application, ...given }) => {
        const environments = await applications.diff(applicationOf(application), checkInput(diffVersions.query, given));
        return {
          environments: environments.map(({ environment, from, to, unchangedCount, objects }) => ({
            environment,
            from,
            to,
            unchangedCount,
            objects: objects.map(objectDifference),
          })),
        };
      }),
    };
  }

  targetsServer(): HandlersOf<typeof Targets> {
    return {
      listTargets: this.#calls.unary(listTargets, async ({ page, application, environment, cluster }) => {
        const found = await this.#applications.targets({
          ...pageInput(page),
          application: optionalApplication(application),
          environment,
          cluster,
        });
        return { items: found.items, page: pageInfo(found) };
      }),
    };
  }
}

function objectDifference({ key, change, fields }: ObjectDifference): object {
  const json = (value: unknown): string | undefined => (value === undefined ? undefined : JSON.stringify(value));
  return {
    key,
    change,
    fields: fields.map(({ path, op, from, to }) => ({ path, op, fromJson: json(from), toJson: json(to) })),
  };
}
