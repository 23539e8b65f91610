// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import type { ApprovalView, TargetView, VersionView } from '@plumbline/read-models';
import type { InputOf } from '../api/operation.js';
import { Input, Serve } from '../api/serve.js';
import type { EnvironmentDifference } from '../reads/diff.service.js';
import type { HistoryEntry } from '../reads/history.js';
import type { DocumentPage } from '../reads/read-model.js';
import type { ApplicationItem } from '../reads/summary.js';
import {
  diffVersions,
  getApplication,
  getApplicationStatus,
  getHistory,
  getVersion,
  listApplications,
  listApprovals,
  listTargets,
  listVersions,
} from './applications.operations.js';
import { ApplicationsService, type ApplicationStatus } from './applications.service.js';

/** Applications, versions, targets and approvals over REST. */
@Controller()
export class ApplicationsController {
  readonly #applications: ApplicationsService;

  constructor(@Inject(ApplicationsService) applications: ApplicationsService) {
    this.#applications = applications;
  }

  @Serve(listApplications)
  list(@Input() { query }: InputOf<typeof listApplications>): Promise<DocumentPage<ApplicationItem>> {
    return this.#applications.list(query);
  }

  @Serve(getApplication)
  get(@Input() { params, query }: InputOf<typeof getApplication>): Promise<ApplicationItem> {
    return this.#applications.get(`${params.project}/${params.name}`, query);
  }

  @Serve(getApplicationStatus)
  status(@Input() { params, query }: InputOf<typeof getApplicationStatus>): Promise<ApplicationStatus> {
    return this.#applications.status(`${params.project}/${params.name}`, query);
  }

  @Serve(listVersions)
  versions(@Input() { params, query }: InputOf<typeof listVersions>): Promise<DocumentPage<VersionView>> {
    return this.#applications.versions(`${params.project}/${params.name}`, query);
  }

  @Serve(getVersion)
  version(@Input() { params, query }: InputOf<typeof getVersion>): Promise<DocumentPage<VersionView>> {
    return this.#applications.version(`${params.project}/${params.name}`, params.version, query);
  }

  @Serve(getHistory)
  history(@Input() { params, query }: InputOf<typeof getHistory>): Promise<DocumentPage<HistoryEntry>> {
    return this.#applications.history(`${params.project}/${params.name}`, query);
  }

  @Serve(diffVersions)
  async diff(
    @Input() { params, query }: InputOf<typeof diffVersions>,
  ): Promise<{ readonly application: string; readonly environments: readonly EnvironmentDifference[] }> {
    const application = `${params.project}/${params.name}`;
    return { application, environments: await this.#applications.diff(application, query) };
  }

  @Serve(listTargets)
  targets(@Input() { query }: InputOf<typeof listTargets>): Promise<DocumentPage<TargetView>> {
    return this.#applications.targets(query);
  }

  @Serve(listApprovals)
  approvals(@Input() { query }: InputOf<typeof listApprovals>): Promise<DocumentPage<ApprovalView>> {
    return this.#applications.approvals(query);
  }
}
