// SPDX-License-Identifier: Apache-2.0
import { failures } from '../api-failure.js';
import { type Obj, objAt, valueAt } from '../value.js';
import type { Resource } from '../resource.js';

/** Decides whether an object is selected. */
export type Selector = (object: Obj) => boolean;

interface Requirement {
  readonly key: string;
  readonly operator: '=' | '!=' | 'in' | 'notin' | 'exists' | '!exists' | 'gt' | 'lt';
  readonly values: readonly string[];
}

/** Reads a label selector: `a=b,c!=d,e in (f,g),h,!i`. Undefined when it selects everything. */
export function labelSelector(text: string | null): Selector | undefined {
  if (text === null || text.trim() === '') return undefined;
  const requirements = splitTop(text).map(requirementOf);
  return (object) => {
    const labels = objAt(object, 'metadata', 'labels');
    return requirements.every((requirement) => meets(requirement, labels[requirement.key]));
  };
}

function splitTop(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let current = '';
  for (const char of text) {
    if (char === '(') depth++;
    if (char === ')') depth--;
    if (char === ',' && depth === 0) {
      parts.push(current.trim());
      current = '';
    } else current += char;
  }
  return [...parts, current.trim()].filter((part) => part !== '');
}

const KEY = '[A-Za-z0-9][-A-Za-z0-9_./]*';

function requirementOf(text: string): Requirement {
  const set = new RegExp(`^(${KEY})\\s+(in|notin)\\s*\\(([^)]*)\\)$`).exec(text);
  if (set !== null)
    return {
      key: set[1] ?? '',
      operator: set[2] === 'in' ? 'in' : 'notin',
      values: (set[3] ?? '').split(',').map((value) => value.trim()),
    };
  const equality = new RegExp(`^(${KEY})\\s*(==|=|!=|>|<)\\s*([-A-Za-z0-9_.]*)$`).exec(text);
  if (equality !== null) {
    const operator = equality[2] === '!=' ? '!=' : equality[2] === '>' ? 'gt' : equality[2] === '<' ? 'lt' : '=';
    const value = equality[3] ?? '';
    if ((operator === 'gt' || operator === 'lt') && !/^-?\d+$/.test(value)) {
      throw failures.badRequest(
        `unable to parse requirement: values[0]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`,
      );
    }
    return { key: equality[1] ?? '', operator, values: [value] };
  }
  const existence = new RegExp(`^(!?)\\s*(${KEY})$`).exec(text);
  if (existence !== null)
    return { key: existence[2] ?? '', operator: existence[1] === '!' ? '!exists' : 'exists', values: [] };
  const word = /^\S+\s+([^\s,]+)/.exec(text)?.[1];
  throw failures.badRequest(
    `unable to parse requirement: found '${word ?? text}', expected: in, notin, =, ==, !=, gt, lt`,
  );
}

function meets(requirement: Requirement, value: unknown): boolean {
  const text = typeof value === 'string' ? value : undefined;
  const { operator, values } = requirement;
  switch (operator) {
    case '=':
      return text === values[0];
    case '!=':
      return text !== values[0];
    case 'in':
      return text !== undefined && values.includes(text);
    case 'notin':
      return text === undefined || !values.includes(text);
    case 'exists':
      return text !== undefined;
    case '!exists':
      return text === undefined;
    case 'gt':
      return text !== undefined && Number(text) > Number(values[0]);
    case 'lt':
      return text !== undefined && Number(text) < Number(values[0]);
  }
}

const EXTRA_FIELDS: Readonly<Record<string, readonly string[]>> = {
  '/pods': [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.nominatedNodeName',
  ],
  '/events': [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'involvedObject.apiVersion',
    'involvedObject.resourceVersion',
    'involvedObject.fieldPath',
    'reason',
    'reportingComponent',
    'source',
    'type',
  ],
  '/secrets': ['type'],
  '/namespaces': ['status.phase', 'name'],
  '/nodes': ['spec.unschedulable'],
  '/services': ['spec.clusterIP', 'spec.type'],
  '/replicationcontrollers': ['status.replicas'],
  'apps/replicasets': ['status.replicas'],
  'batch/jobs': ['status.successful'],
  'certificates.k8s.io/certificatesigningrequests': ['spec.signerName'],
};

/** Reads a field selector: `metadata.name=x,metadata.namespace!=y`. */
export function fieldSelector(resource: Resource, text: string | null): Selector | undefined {
  if (text === null || text.trim() === '') return undefined;
  const known = ['metadata.name', 'metadata.namespace', ...(EXTRA_FIELDS[resource.collection] ?? [])];
  const terms = text.split(',').map((term) => {
    const match = /^(.*?)(==|!=|=)(.*)$/.exec(term);
    if (match === null) throw failures.badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    const field = match[1] ?? '';
    if (!known.includes(field)) {
      if (EXTRA_FIELDS[resource.collection] !== undefined)
        throw failures.badRequest(`field label not supported: ${field}`);
      throw failures.badRequest(
        `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
      );
    }
    return { path: field.split('.'), negated: match[2] === '!=', value: match[3] ?? '' };
  });
  return (object) => terms.every(({ path, negated, value }) => (asText(object, path) === value) !== negated);
}

function asText(object: Obj, path: readonly string[]): string {
  const found = valueAt(object, ...path);
  if (found === undefined || found === null)
    return path[path.length - 1] === 'unschedulable' || path[path.length - 1] === 'hostNetwork' ? 'false' : '';
  return typeof found === 'string' ? found : JSON.stringify(found);
}

/** Both selectors as one; undefined when everything is selected. */
export function selectorOf(resource: Resource, query: URLSearchParams): Selector | undefined {
  const label = labelSelector(query.get('labelSelector'));
  const field = fieldSelector(resource, query.get('fieldSelector'));
  if (label === undefined || field === undefined) return label ?? field;
  return (object) => label(object) && field(object);
}

/** Name that a field selector pins, for lists that need look at one object only. */
export function pinnedName(query: URLSearchParams): string | undefined {
  return /^metadata\.name=([^,]+)$/.exec(query.get('fieldSelector') ?? '')?.[1];
}
