// SPDX-License-Identifier: Apache-2.0
import { type FieldError, fieldErrors } from '../api-failure.js';
import { child } from '../defaults/draft.js';
import { strategy, type Strategy } from '../strategy.js';
import { validateTemplate } from '../validation/pods.js';
import { requireCount, validateSelector } from '../validation/selectors.js';
import { equalValues, isObj, numberAt, type Obj, objAt, textAt } from '../value.js';

const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';
const RESET_BY_STATUS = ['spec', 'metadata.labels'];

function immutableSelector(object: Obj, live: Obj, errors: FieldError[]): void {
  const selector = objAt(object, 'spec')['selector'];
  if (!equalValues(selector, objAt(live, 'spec')['selector']))
    errors.push(fieldErrors.invalid('spec.selector', selector, 'field is immutable'));
}

function validateWorkload(object: Obj, errors: FieldError[]): void {
  requireCount(object, 'spec.replicas', errors);
  requireCount(object, 'spec.minReadySeconds', errors);
  validateSelector(object, errors);
  validateTemplate(objAt(object, 'spec', 'template'), 'spec.template', errors, { restartPolicies: ['Always'] });
}

/** Counts of a status that may not be larger than the count of all replicas. */
function validateCounts(...fields: readonly string[]): (object: Obj, errors: FieldError[]) => void {
  return (object, errors) => {
    const status = objAt(object, 'status');
    const count = (field: string): number => numberAt(status, field) ?? 0;
    for (const field of ['replicas', ...fields])
      if (count(field) < 0)
        errors.push(fieldErrors.invalid(`status.${field}`, count(field), 'must be greater than or equal to 0'));
    for (const field of fields)
      if (count(field) > count('replicas'))
        errors.push(fieldErrors.invalid(`status.${field}`, count(field), 'cannot be greater than status.replicas'));
    if (count('availableReplicas') > count('readyReplicas')) {
      const than = fields.includes('currentReplicas') ? 'status.readyReplicas' : 'readyReplicas';
      errors.push(
        fieldErrors.invalid('status.availableReplicas', count('availableReplicas'), `cannot be greater than ${than}`),
      );
    }
  };
}

const STATEFUL_MUTABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
];

/** Kinds of apps/v1. */
export const APPS: Readonly<Record<string, Strategy>> = {
  'apps/Deployment': strategy({
    hasStatus: true,
    generationOf: ['spec'],
    generationOfAnnotations: true,
    resetByStatus: RESET_BY_STATUS,
    validateStatus: validateCounts('updatedReplicas', 'readyReplicas', 'availableReplicas'),
    validate: (object, errors) => {
      validateWorkload(object, errors);
      const strategyType = textAt(object, 'spec', 'strategy', 'type');
      if (strategyType === 'Recreate' && isObj(objAt(object, 'spec', 'strategy')['rollingUpdate'])) {
        errors.push(
          fieldErrors.forbidden(
            'spec.strategy.rollingUpdate',
            "may not be specified when strategy `type` is 'Recreate'",
          ),
        );
      }
    },
    validateUpdate: immutableSelector,
  }),
  'apps/ReplicaSet': strategy({
    hasStatus: true,
    generationOf: ['spec'],
    resetByStatus: ['spec'],
    validate: validateWorkload,
    validateUpdate: immutableSelector,
    validateStatus: validateCounts('fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'),
  }),
  'apps/DaemonSet': strategy({
    hasStatus: true,
    generationOf: ['spec'],
    resetByStatus: ['spec'],
    validate: validateWorkload,
    validateUpdate: immutableSelector,
    prepareCreate: (draft) => {
      child(child(draft, 'metadata'), 'annotations')[TEMPLATE_GENERATION] = '1';
    },
    prepareUpdate: (draft, live) => {
      const before = Number(textAt(live, 'metadata', 'annotations', TEMPLATE_GENERATION) ?? '1');
      const changed = !equalValues(child(draft, 'spec')['template'], objAt(live, 'spec')['template']);
      child(child(draft, 'metadata'), 'annotations')[TEMPLATE_GENERATION] = String(changed ? before + 1 : before);
    },
  }),
  'apps/StatefulSet': strategy({
    hasStatus: true,
    generationOf: ['spec'],
    resetByStatus: ['spec'],
    validateStatus: validateCounts('readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'),
    validate: (object, errors) => {
      validateWorkload(object, errors);
      const update = objAt(object, 'spec', 'updateStrategy');
      if (update['type'] === 'OnDelete' && isObj(update['rollingUpdate'])) {
        const value = {
          Partition: update['rollingUpdate']['partition'] ?? 0,
          MaxUnavailable: update['rollingUpdate']['maxUnavailable'] ?? null,
        };
        errors.push(
          fieldErrors.invalid(
            'spec.updateStrategy.rollingUpdate',
            value,
            "only allowed for updateStrategy 'RollingUpdate'",
          ),
        );
      }
    },
    validateUpdate: (object, live, errors) => {
      const [next, old] = [objAt(object, 'spec'), objAt(live, 'spec')];
      const changed = Object.keys({ ...next, ...old }).some(
        (key) => !STATEFUL_MUTABLE.includes(key) && !equalValues(next[key], old[key]),
      );
      if (changed) {
        errors.push(
          fieldErrors.forbidden(
            'spec',
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
          ),
        );
      }
    },
  }),
  'apps/ControllerRevision': strategy({
    validateUpdate: (object, live, errors) => {
      if (!equalValues(object['data'], live['data']))
        errors.push(fieldErrors.invalid('data', object['data'], 'field is immutable'));
    },
  }),
};
