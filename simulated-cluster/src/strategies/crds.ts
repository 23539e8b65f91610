// SPDX-License-Identifier: Apache-2.0
import { type FieldError, fieldErrors } from '../api-failure.js';
import { draftOf } from '../defaults/draft.js';
import { strategy, type Strategy } from '../strategy.js';
import { nameProblems } from '../validation/metadata.js';
import { equalValues, isObj, listAt, type Obj, objAt, textAt, textsAt, type Value, valueAt } from '../value.js';

function validateNames(spec: Obj, errors: FieldError[]): void {
  for (const key of ['plural', 'singular', 'kind', 'listKind']) {
    const value = textAt(spec, 'names', key) ?? '';
    const at = `spec.names.${key}`;
    if (value === '') errors.push(fieldErrors.required(at));
    else
      for (const problem of nameProblems('label1035', value.toLowerCase()))
        errors.push(fieldErrors.invalid(at, value, problem));
  }
}

function validateVersions(spec: Obj, errors: FieldError[]): void {
  const versions = listAt(spec, 'versions');
  const storage = versions.filter((version) => isObj(version) && version['storage'] === true);
  if (storage.length !== 1)
    errors.push(
      fieldErrors.invalid('spec.versions', versions, 'must have exactly one version marked as storage version'),
    );
  for (const [index, version] of versions.entries()) {
    const at = `spec.versions[${index}]`;
    const name = textAt(version, 'name') ?? '';
    for (const problem of nameProblems('label1035', name))
      errors.push(fieldErrors.invalid(`${at}.name`, name, problem));
    const schema = valueAt(version, 'schema', 'openAPIV3Schema');
    if (!isObj(schema)) {
      errors.push(fieldErrors.required(`${at}.schema.openAPIV3Schema`, 'schemas are required'));
      continue;
    }
    // A schema that all versions share is reported in its internal place.
    const path = versions.length === 1 ? 'spec.validation.openAPIV3Schema' : `${at}.schema.openAPIV3Schema`;
    if (textAt(schema, 'type') === undefined)
      errors.push(fieldErrors.required(`${path}.type`, 'must not be empty at the root'));
    else if (textAt(schema, 'type') !== 'object')
      errors.push(fieldErrors.invalid(`${path}.type`, textAt(schema, 'type'), 'must be object at the root'));
    validateStructural(schema, path, errors);
  }
}

/** Structural schemas: every node below the root says its type, unless it takes anything or an int or string. */
function validateStructural(node: Obj, path: string, errors: FieldError[]): void {
  const properties = objAt(node, 'properties');
  const children: [string, Value | undefined][] = Object.entries(properties).map(([name, child]) => [
    `${path}.properties[${name}]`,
    child,
  ]);
  if (isObj(node['items'])) children.push([`${path}.items`, node['items']]);
  if (isObj(node['additionalProperties']))
    children.push([`${path}.additionalProperties`, node['additionalProperties']]);
  if (textAt(node, 'type') === 'array' && !isObj(node['items']))
    errors.push(fieldErrors.required(`${path}.items`, 'must be specified'));
  for (const [at, given] of children) {
    const child = isObj(given) ? given : {};
    const free = child['x-kubernetes-preserve-unknown-fields'] === true || child['x-kubernetes-int-or-string'] === true;
    if (textAt(child, 'type') === undefined && !free)
      errors.push(fieldErrors.required(`${at}.type`, 'must not be empty for specified object fields'));
    validateStructural(child, at, errors);
  }
}

function validateDefinition(object: Obj, errors: FieldError[]): void {
  const spec = objAt(object, 'spec');
  const [group, plural, name] = [
    textAt(spec, 'group') ?? '',
    textAt(spec, 'names', 'plural') ?? '',
    textAt(object, 'metadata', 'name') ?? '',
  ];
  if (name !== `${plural}.${group}`)
    errors.push(fieldErrors.invalid('metadata.name', name, `must be spec.names.plural+"."+spec.group`));
  if (group === '') errors.push(fieldErrors.required('spec.group'));
  else if (group.split('.').length < 2)
    errors.push(fieldErrors.invalid('spec.group', group, 'should be a domain with at least one dot'));
  const scope = textAt(spec, 'scope') ?? '';
  if (scope !== 'Cluster' && scope !== 'Namespaced')
    errors.push(fieldErrors.unsupported('spec.scope', scope, ['Cluster', 'Namespaced']));
  if (
    (group === 'k8s.io' || group.endsWith('.k8s.io') || group.endsWith('.kubernetes.io')) &&
    textAt(object, 'metadata', 'annotations', 'api-approved.kubernetes.io') === undefined
  ) {
    errors.push(
      fieldErrors.required(
        'metadata.annotations[api-approved.kubernetes.io]',
        'protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
      ),
    );
  }
  validateNames(spec, errors);
  validateVersions(spec, errors);
  if (textsAt(object, 'status', 'storedVersions').length === 0)
    errors.push(fieldErrors.invalid('status.storedVersions', null, 'must have at least one stored version'));
}

/** CustomResourceDefinition. */
export const CRDS: Readonly<Record<string, Strategy>> = {
  'apiextensions.k8s.io/CustomResourceDefinition': strategy({
    hasStatus: true,
    generationOf: ['spec'],
    resetByStatus: ['spec'],
    unconditionalUpdate: false,
    prepareCreate: (draft) => {
      const stored = listAt(draft, 'spec', 'versions')
        .filter((version) => isObj(version) && version['storage'] === true)
        .map((version) => textAt(version, 'name') ?? '');
      draft['status'] = { conditions: null, acceptedNames: { plural: '', kind: '' }, storedVersions: stored };
    },
    prepareUpdate: (draft, live) => {
      const known = textsAt(live, 'status', 'storedVersions');
      const stored = listAt(draft, 'spec', 'versions')
        .filter((version) => isObj(version) && version['storage'] === true)
        .map((version) => textAt(version, 'name') ?? '');
      const missing = stored.filter((name) => !known.includes(name));
      if (missing.length > 0)
        draft['status'] = draftOf({ ...objAt(live, 'status'), storedVersions: [...known, ...missing] });
    },
    validate: validateDefinition,
    validateUpdate: (object, live, errors) => {
      const [next, old] = [objAt(object, 'spec'), objAt(live, 'spec')];
      const established = listAt(live, 'status', 'conditions').some(
        (condition) => textAt(condition, 'type') === 'Established' && textAt(condition, 'status') === 'True',
      );
      for (const key of established ? ['scope'] : [])
        if (!equalValues(next[key], old[key]))
          errors.push(fieldErrors.invalid(`spec.${key}`, next[key], 'field is immutable'));
      for (const path of established ? ['names.kind', 'names.plural', 'group'] : ['group']) {
        const parts = path.split('.');
        if (!equalValues(valueAt(next, ...parts), valueAt(old, ...parts)))
          errors.push(fieldErrors.invalid(`spec.${path}`, valueAt(next, ...parts), 'field is immutable'));
      }
      const names = listAt(next, 'versions').map((version) => textAt(version, 'name') ?? '');
      for (const [index, stored] of textsAt(live, 'status', 'storedVersions').entries()) {
        if (!names.includes(stored))
          errors.push(
            fieldErrors.invalid(
              `status.storedVersions[${index}]`,
              stored,
              'missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions'.replaceAll(
                'v1',
                stored,
              ),
            ),
          );
      }
    },
  }),
};
