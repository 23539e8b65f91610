// SPDX-License-Identifier: Apache-2.0
import { type FieldError, fieldErrors } from '../api-failure.js';
import { strategy, type Strategy } from '../strategy.js';
import { validateLabelSelector } from '../validation/selectors.js';
import { isObj, listAt, type Obj, objAt, textAt, type Value } from '../value.js';

function validateBackend(backend: Value | undefined, at: string, errors: FieldError[]): void {
  if (!isObj(backend)) return;
  const service = backend['service'];
  if (!isObj(service)) {
    if (!isObj(backend['resource'])) errors.push(fieldErrors.required(at, 'resource or service backend is required'));
    return;
  }
  if ((textAt(service, 'name') ?? '') === '') errors.push(fieldErrors.required(`${at}.service.name`));
  const port = objAt(service, 'port');
  if (port['name'] === undefined && port['number'] === undefined)
    errors.push(fieldErrors.required(at, 'port name or number is required'));
}

function validateIngress(object: Obj, errors: FieldError[]): void {
  const spec = objAt(object, 'spec');
  const rules = listAt(spec, 'rules');
  if (rules.length === 0 && !isObj(spec['defaultBackend']))
    errors.push(fieldErrors.invalid('spec', null, 'either `defaultBackend` or `rules` must be specified'));
  validateBackend(spec['defaultBackend'], 'spec.defaultBackend', errors);
  for (const [index, rule] of rules.entries()) {
    for (const [pathIndex, path] of listAt(rule, 'http', 'paths').entries()) {
      const at = `spec.rules[${index}].http.paths[${pathIndex}]`;
      const type = textAt(path, 'pathType');
      if (type === undefined || type === '') {
        errors.push(fieldErrors.required(`${at}.pathType`, 'pathType must be specified'));
        continue;
      }
      const text = textAt(path, 'path') ?? '';
      if ((type === 'Exact' || type === 'Prefix') && !text.startsWith('/'))
        errors.push(fieldErrors.invalid(`${at}.path`, text, 'must be an absolute path'));
      validateBackend(isObj(path) ? path['backend'] : undefined, `${at}.backend`, errors);
    }
  }
}

/** Kinds of networking.k8s.io/v1. */
export const NETWORKING: Readonly<Record<string, Strategy>> = {
  'networking.k8s.io/Ingress': strategy({
    hasStatus: true,
    generationOf: ['spec'],
    resetByStatus: ['spec'],
    validate: validateIngress,
  }),
  'networking.k8s.io/IngressClass': strategy({ generationOf: ['spec'] }),
  'networking.k8s.io/NetworkPolicy': strategy({
    generationOf: ['spec'],
    validate: (object, errors) =>
      validateLabelSelector(objAt(object, 'spec', 'podSelector'), 'spec.podSelector', errors),
  }),
};
