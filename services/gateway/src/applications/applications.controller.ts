// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import {
  diffVersions,
  getApplication,
  getApplicationStatus,
  getHistory,
  getVersion,
  listApplications,
  listTargets,
  listVersions,
} from '@plumbline/api-contract';
import type { InputOf } from '../operations/operation.js';
import { Input, Serve } from '../operations/serve.js';
import { ApplicationsService } from './applications.service.js';

/** Applications, versions and targets over REST. */
@Controller()
export class ApplicationsController {
  readonly #applications: ApplicationsService;

  constructor(@Inject(ApplicationsService) applications: ApplicationsService) {
    this.#applications = applications;
  }

  @Serve(listApplications)
  list(@Input() { query }: InputOf<typeof listApplications>) {
    return this.#applications.list(query);
  }

  @Serve(getApplication)
  get(@Input() { params, query }: InputOf<typeof getApplication>) {
    return this.#applications.get(`${params.project}/${params.name}`, query);
  }

  @Serve(getApplicationStatus)
  status(@Input() { params, query }: InputOf<typeof getApplicationStatus>) {
    return this.#applications.status(`${params.project}/${params.name}`, query);
  }

  @Serve(listVersions)
  versions(@Input() { params, query }: InputOf<typeof listVersions>) {
    return this.#applications.versions(`${params.project}/${params.name}`, query);
  }

  @Serve(getVersion)
  version(@Input() { params, query }: InputOf<typeof getVersion>) {
    return this.#applications.version(`${params.project}/${params.name}`, params.version, query);
  }

  @Serve(getHistory)
  history(@Input() { params, query }: InputOf<typeof getHistory>) {
    return this.#applications.history(`${params.project}/${params.name}`, query);
  }

  @Serve(diffVersions)
  async diff(@Input() { params, query }: InputOf<typeof diffVersions>) {
    const application = `${params.project}/${params.name}`;
    return { application, environments: await this.#applications.diff(application, query) };
  }

  @Serve(listTargets)
  targets(@Input() { query }: InputOf<typeof listTargets>) {
    return this.#applications.targets(query);
  }
}
