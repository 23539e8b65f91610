// SPDX-License-Identifier: Apache-2.0
import { projectAllows, selectedClusters } from '@plumbline/events';
import type { ApplicationView, ViewReader } from '@plumbline/read-models';

/** One target of an application. */
export interface TargetName {
  readonly environment: string;
  readonly cluster: string;
}

/** A target that a plan is to be made for. */
export interface ExpectedTarget extends TargetName {
  /** Why its cluster cannot be reached now: its plan comes late, if at all. */
  readonly unreachable?: string;
}

/** The targets that a plan is to be made for: clusters of the release, and those that the environment selects now. */
export function expectedTargets(
  views: ViewReader,
  application: ApplicationView,
  wanted: { readonly environment?: string | undefined; readonly version?: number | undefined },
): readonly ExpectedTarget[] {
  const clusters = [...views.scan('cluster', '')].map(([, cluster]) => cluster);
  const project = views.get('project', application.project)?.spec;
  const found: ExpectedTarget[] = [];
  for (const spec of application.spec.environments) {
    const environment = application.environments[spec.name];
    if (wanted.environment !== undefined && wanted.environment !== spec.name) continue;
    if (environment?.latestVersion === undefined) continue;
    for (const cluster of selectedClusters(spec.clusters, clusters)) {
      if (!projectAllows(project, 'clusters', cluster.name)) continue;
      const away = cluster.connection.state === 'Unreachable' ? { unreachable: cluster.connection.message } : {};
      found.push({ environment: spec.name, cluster: cluster.name, ...away });
    }
  }
  return found;
}
