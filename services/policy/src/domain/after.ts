// SPDX-License-Identifier: Apache-2.0
import type { ApplicationView, VersionView } from '@plumbline/read-models';
import type { PolicyViews } from './policy-views.js';

/** The newest version of an environment up to a number: what the application as of that version means there. */
export function versionUpTo(
  views: PolicyViews,
  at: { readonly application: string; readonly environment: string; readonly version: number },
): VersionView | undefined {
  let found: VersionView | undefined;
  for (const [, version] of views.scan('version', `${at.application}/`)) {
    if (version.environment === at.environment && version.version <= at.version) found = version;
  }
  return found;
}

/** Why a version cannot go on, in words that stay the same while it waits for the same thing. */
export interface WaitReason {
  readonly reason: 'AfterEnvironment' | 'AfterFailedRender' | 'AfterEmptyEnvironment';
  readonly message: string;
}

/**
 * What still keeps a version from passing the environments that come before its own; undefined when nothing does.
 * Each must have released the same version (or its newest up to it) or a later one, with every target Synced at it
 * and Healthy.
 */
export function waitsFor(
  views: PolicyViews,
  application: ApplicationView,
  version: VersionView,
): WaitReason | undefined {
  const environment = application.spec.environments.find(({ name }) => name === version.environment);
  for (const name of environment?.after ?? []) {
    const reason = missingIn(views, { application, version, environment: name });
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function missingIn(
  views: PolicyViews,
  at: { readonly application: ApplicationView; readonly version: VersionView; readonly environment: string },
): WaitReason | undefined {
  const { application, version, environment: name } = at;
  const before = application.environments[name];
  if (before?.renderError?.revision === version.revision)
    return {
      reason: 'AfterFailedRender',
      message: `environment "${name}" failed to render revision ${version.revision.slice(0, 12)}`,
    };
  const wanted = versionUpTo(views, { application: application.id, environment: name, version: version.version });
  const released = before?.released;
  if (released?.clusters.length === 0)
    return {
      reason: 'AfterEmptyEnvironment',
      message: `environment "${name}" selects no cluster, so nothing is proven there`,
    };
  const passed =
    wanted !== undefined &&
    released !== undefined &&
    released.version >= wanted.version &&
    released.clusters.every((cluster) => isProven(views, `${application.id}/${name}/${cluster}`, released.version));
  if (passed) return undefined;
  return {
    reason: 'AfterEnvironment',
    message: `environment "${name}" must be Synced and Healthy at version ${wanted?.version ?? version.version} first`,
  };
}

function isProven(views: PolicyViews, targetKey: string, version: number): boolean {
  const target = views.get('target', targetKey);
  return target?.sync.state === 'Synced' && target.version === version && target.health.state === 'Healthy';
}
