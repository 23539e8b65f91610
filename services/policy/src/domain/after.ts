// SPDX-License-Identifier: Apache-2.0
import type { ApplicationView, VersionView, ViewReader } from '@plumbline/views';

/** The newest version of an environment up to a number: what the application as of that version means there. */
export function versionUpTo(views: ViewReader, at: { readonly application: string; readonly environment: string; readonly version: number }): VersionView | undefined {
  let found: VersionView | undefined;
  for (const [, version] of views.scan('version', `${at.application}/`)) {
    if (version.environment === at.environment && version.version <= at.version) found = version;
  }
  return found;
}

/**
 * What still keeps a version from passing the environments that come before its own; undefined when nothing does.
 * Each must have released the same version (or its newest up to it) or a later one, with every target Synced at it and Healthy.
 */
export function waitsFor(views: ViewReader, application: ApplicationView, version: VersionView): string | undefined {
  const environment = application.spec.environments.find(({ name }) => name === version.environment);
  for (const name of environment?.after ?? []) {
    const reason = missingIn(views, { application, version, environment: name });
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function missingIn(views: ViewReader, at: { readonly application: ApplicationView; readonly version: VersionView; readonly environment: string }): string | undefined {
  const { application, version, environment: name } = at;
  const before = application.environments[name];
  if (before?.renderError?.revision === version.revision) return `environment "${name}" failed to render revision ${version.revision.slice(0, 12)}`;
  const wanted = versionUpTo(views, { application: application.id, environment: name, version: version.version });
  if (wanted === undefined) return `environment "${name}" has no version yet`;
  const released = before?.released;
  if (released === undefined || released.version < wanted.version) return `environment "${name}" has not released version ${wanted.version}`;
  if (released.clusters.length === 0) return `environment "${name}" selects no cluster, so nothing is proven there`;
  for (const cluster of released.clusters) {
    const target = views.get('target', `${application.id}/${name}/${cluster}`);
    if (target?.sync.state !== 'Synced' || target.version !== released.version) return `"${name}" on cluster "${cluster}" is not Synced at version ${released.version}`;
    if (target.health.state !== 'Healthy') return `"${name}" on cluster "${cluster}" is ${target.health.state}`;
  }
  return undefined;
}
