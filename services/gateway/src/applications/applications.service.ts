// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import { InputError } from '@plumbline/core';
import type { ApplicationView, ApprovalView, TargetView, VersionView } from '@plumbline/views';
import { DiffService } from '../reads/diff.service.js';
import type { DiffInput, EnvironmentDifference } from '../reads/diff.service.js';
import { historyFrom, versionEverywhere } from '../reads/history.js';
import type { HistoryEntry } from '../reads/history.js';
import { notFound, ReadModel } from '../reads/read-model.js';
import type { DocumentPage } from '../reads/read-model.js';
import { applicationItem, environmentsOf } from '../reads/summary.js';
import type { ApplicationItem, EnvironmentStatus } from '../reads/summary.js';
import { noVersion } from '../requests/requests.service.js';
import { LOG_ACCESS } from '../state/log-access.js';
import type { LogAccess } from '../state/log-access.js';

/** Everything about an application now. */
export interface ApplicationStatus {
  readonly application: ApplicationItem;
  readonly environments: readonly EnvironmentStatus[];
  readonly position: number;
}

/** What to list. */
export interface ListInput {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly minPosition?: number | undefined;
}

/** Applications and what belongs to them. Answers that join several views come from the gateway's own fold: they are of one position. */
@Injectable()
export class ApplicationsService {
  constructor(
    @Inject(ReadModel) private readonly reads: ReadModel,
    @Inject(DiffService) private readonly diffs: DiffService,
    @Inject(LOG_ACCESS) private readonly access: LogAccess,
  ) {}

  async list(input: ListInput & { readonly project?: string | undefined }): Promise<DocumentPage<ApplicationItem>> {
    const { project, ...query } = input;
    const page = await this.reads.list('application', { ...query, ...(project === undefined ? {} : { keyPrefix: `${project}/` }) });
    return { ...page, items: page.items.map((application) => applicationItem(this.access.state.views, application)) };
  }

  async get(id: string, minPosition: number | undefined): Promise<ApplicationItem> {
    return applicationItem(this.access.state.views, await this.reads.get('application', id, minPosition));
  }

  async status(id: string, minPosition: number | undefined): Promise<ApplicationStatus> {
    const application = await this.#folded(id, minPosition);
    const { views } = this.access.state;
    return { application: applicationItem(views, application), environments: environmentsOf(views, application), position: this.access.position };
  }

  async versions(id: string, input: ListInput & { readonly environment?: string | undefined }): Promise<DocumentPage<VersionView>> {
    const { environment, ...query } = input;
    await this.#folded(id, undefined);
    const filter = environment === undefined ? undefined : (document: VersionView): boolean => document.environment === environment;
    return this.reads.list('version', { ...query, keyPrefix: `${id}/`, filter });
  }

  async version(id: string, version: number, minPosition: number | undefined): Promise<DocumentPage<VersionView>> {
    const application = await this.#folded(id, minPosition);
    const items = versionEverywhere(this.access.state, application, version);
    if (items.length === 0) throw noVersion(id, version);
    return { items, position: this.access.position };
  }

  async history(id: string, input: ListInput): Promise<DocumentPage<HistoryEntry>> {
    const application = await this.#folded(id, input.minPosition);
    const from = input.cursor === undefined ? application.latestVersion : parseCursor(input.cursor);
    const items = historyFrom(this.access.state, application, from, input.limit);
    const next = (items.at(-1)?.version ?? 1) - 1;
    return { items, position: this.access.position, ...(next >= 1 ? { cursor: `v${next}` } : {}) };
  }

  async diff(id: string, input: DiffInput): Promise<readonly EnvironmentDifference[]> {
    return this.diffs.diff(await this.#folded(id, undefined), input);
  }

  targets(input: ListInput & { readonly application?: string | undefined; readonly environment?: string | undefined; readonly cluster?: string | undefined }): Promise<DocumentPage<TargetView>> {
    const { application, environment, cluster, ...query } = input;
    const keyPrefix = application === undefined ? undefined : `${application}/${environment === undefined ? '' : `${environment}/`}`;
    const filter = (target: TargetView): boolean => (environment === undefined || target.environment === environment) && (cluster === undefined || target.cluster === cluster);
    return this.reads.list('target', { ...query, keyPrefix, filter });
  }

  approvals(input: ListInput & { readonly application?: string | undefined }): Promise<DocumentPage<ApprovalView>> {
    const { application, ...query } = input;
    return this.reads.list('approval', { ...query, keyPrefix: application === undefined ? undefined : `${application}/` });
  }

  async #folded(id: string, minPosition: number | undefined): Promise<ApplicationView> {
    await this.reads.foldTo(minPosition);
    const application = this.access.state.views.get('application', id);
    if (application === undefined) throw notFound('application', id);
    return application;
  }
}

function parseCursor(cursor: string): number {
  const version = /^v(\d{1,9})$/.exec(cursor)?.[1];
  if (version === undefined) throw new InputError('PLB-1705', 'the cursor is not one of this list');
  return Number(version);
}
