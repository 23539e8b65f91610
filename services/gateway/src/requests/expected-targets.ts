// SPDX-License-Identifier: Apache-2.0
import { selectsCluster } from '@plumbline/events';
import type { ApplicationView, ViewReader } from '@plumbline/views';

/** One target of an application. */
export interface TargetName {
  readonly environment: string;
  readonly cluster: string;
}

/** The targets that a plan is to be made for: clusters of the release, and those that the environment selects now. */
export function expectedTargets(
  views: ViewReader,
  application: ApplicationView,
  wanted: { readonly environment?: string | undefined; readonly version?: number | undefined },
): readonly TargetName[] {
  const clusters = [...views.scan('cluster', '')].map(([, cluster]) => cluster);
  const project = views.get('project', application.project)?.spec.clusters ?? ['*'];
  const found: TargetName[] = [];
  for (const spec of application.spec.environments) {
    const environment = application.environments[spec.name];
    if (wanted.environment !== undefined && wanted.environment !== spec.name) continue;
    if (environment?.latestVersion === undefined) continue;
    for (const cluster of clusters) {
      const allowed = project.includes('*') || project.includes(cluster.name);
      if (allowed && selectsCluster(spec.clusters, cluster)) found.push({ environment: spec.name, cluster: cluster.name });
    }
  }
  return found;
}
