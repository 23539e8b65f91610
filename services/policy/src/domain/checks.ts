// SPDX-License-Identifier: Apache-2.0
import { projectAllows, projectForbidsKind, type Verdict } from '@plumbline/events';
import type { ApplicationView, ClusterView, ProjectView, VersionView } from '@plumbline/read-models';
import { type SchemaFindings, schemaProblems } from './schema-check.js';

/** An object of the version, as the object set names it. */
export interface CheckedObject {
  readonly key: string;
  readonly apiVersion: string;
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Kinds that a cluster serves: `group/version/kind` as `apiVersion/kind`. */
export interface ServedKinds {
  readonly cluster: string;
  /** Undefined while the cluster has not been seen yet. */
  readonly kinds: ReadonlySet<string> | undefined;
}

/** All that the built-in checks look at. */
export interface CheckInput {
  readonly application: ApplicationView;
  readonly version: VersionView;
  readonly project: ProjectView | undefined;
  readonly clusters: readonly ClusterView[];
  readonly objects: readonly CheckedObject[];
  readonly served: readonly ServedKinds[];
  readonly schemas: readonly SchemaFindings[];
}

/** The built-in checks; only `Deny` and `Error` stop a version. */
export function builtInChecks(input: CheckInput): readonly Verdict[] {
  return [projectLimits(input), forbiddenKinds(input), allowedNamespaces(input), targetApi(input), schema(input)];
}

/** True when nothing denies. */
export function isAllowed(verdicts: readonly Verdict[]): boolean {
  return verdicts.every(({ result }) => result === 'Pass' || result === 'Warn');
}

const MAX_VERDICT = 3_000;

/** Texts of events have a limit; a version must not be stuck because there is too much wrong with it. */
export function shortened(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1).toWellFormed()}…`;
}

function verdict(
  check: string,
  problems: readonly string[],
  options: { readonly result?: 'Deny' | 'Warn'; readonly objects?: readonly string[] } = {},
): Verdict {
  if (problems.length === 0) return { check, result: 'Pass', message: '' };
  const message = `${problems.slice(0, 10).join('; ')}${problems.length > 10 ? `; and ${problems.length - 10} more` : ''}`;
  return {
    check,
    result: options.result ?? 'Deny',
    message: shortened(message, MAX_VERDICT),
    ...(options.objects === undefined ? {} : { objects: options.objects.slice(0, 50) }),
  };
}

function projectLimits({ application, project, clusters }: CheckInput): Verdict {
  if (project === undefined) {
    const problems =
      application.project === 'default' ? [] : [`project "${application.project}" does not exist: declare it`];
    return verdict('project-limits', problems);
  }
  const problems: string[] = [];
  const { repository } = application.spec;
  if (!projectAllows(project.spec, 'repositories', repository))
    problems.push(`project "${project.name}" does not allow repository "${repository}"`);
  for (const { name } of clusters) {
    if (!projectAllows(project.spec, 'clusters', name))
      problems.push(`project "${project.name}" does not allow cluster "${name}"`);
  }
  return verdict('project-limits', problems);
}

function forbiddenKinds({ project, objects }: CheckInput): Verdict {
  const hits = objects.filter((object) => projectForbidsKind(project?.spec, object));
  return verdict(
    'forbidden-kinds',
    hits.map(({ key, kind }) => `${kind} is forbidden in project "${project?.name ?? 'default'}": ${key}`),
    { objects: hits.map(({ key }) => key) },
  );
}

function allowedNamespaces({ project, version, objects }: CheckInput): Verdict {
  const bad = objects.filter(({ group, kind, namespace, name }) => {
    const own = group === '' && kind === 'Namespace' ? name : namespace;
    const effective = own === '' ? (version.namespace ?? '') : own;
    return effective !== '' && !projectAllows(project?.spec, 'namespaces', effective);
  });
  return verdict(
    'namespaces',
    bad.map(({ key }) => `project "${project?.name ?? 'default'}" does not allow the namespace of ${key}`),
    { objects: bad.map(({ key }) => key) },
  );
}

/**
 * A kind that no API serves is only a warning: the definition may come with another application, and the sync says it
 * per object.
 */
function targetApi({ objects, served }: CheckInput): Verdict {
  const definedGroups = new Set(
    objects
      .filter(({ group, kind }) => group === 'apiextensions.k8s.io' && kind === 'CustomResourceDefinition')
      .map(({ name }) => name.slice(name.indexOf('.') + 1)),
  );
  const problems: string[] = [];
  const hits = new Set<string>();
  for (const { cluster, kinds } of served) {
    if (kinds === undefined) continue;
    for (const { key, apiVersion, group, kind } of objects) {
      if (kinds.has(`${apiVersion}/${kind}`) || definedGroups.has(group)) continue;
      problems.push(`cluster "${cluster}" does not serve ${kind} in ${apiVersion} (${key})`);
      hits.add(key);
    }
  }
  return verdict('target-api', problems, { result: 'Warn', objects: [...hits] });
}

/** What the API server would refuse for its form. A kind without a known schema is only a warning. */
function schema({ schemas }: CheckInput): Verdict {
  const { denied, warned, objects } = schemaProblems(schemas);
  return denied.length > 0 ? verdict('schema', denied, { objects }) : verdict('schema', warned, { result: 'Warn' });
}
