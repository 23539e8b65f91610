// SPDX-License-Identifier: Apache-2.0
import { type FieldError, fieldErrors } from '../api-failure.js';
import { child, type Draft, drafts, fill, isDraft, lacks } from '../defaults/draft.js';
import { strategy, type Strategy } from '../strategy.js';
import { validatePodSpec, validateTemplate } from '../validation/pods.js';
import { requireCount } from '../validation/selectors.js';
import { equalValues, isObj, listAt, type Obj, objAt, textAt, withAt } from '../value.js';
import { SERVICE } from './services.js';

function preparePod(draft: Draft): void {
  const spec = child(draft, 'spec');
  const tolerations = drafts(spec, 'tolerations');
  for (const key of ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']) {
    if (!tolerations.some((toleration) => toleration['key'] === key))
      tolerations.push({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 });
  }
  spec['tolerations'] = tolerations;
  if (spec['priority'] === undefined) spec['priority'] = 0;
  fill(spec, 'preemptionPolicy', 'PreemptLowerPriority');
  draft['status'] = { phase: 'Pending', qosClass: qosOf(spec) };
}

function qosOf(spec: Draft): string {
  const containers = [...drafts(spec, 'containers'), ...drafts(spec, 'initContainers')];
  const resources = containers.map((container) => (isDraft(container['resources']) ? container['resources'] : {}));
  if (resources.every((entry) => lacks(entry, 'limits') && lacks(entry, 'requests'))) return 'BestEffort';
  const guaranteed = resources.every((entry) => {
    const [limits, requests] = [entry['limits'], entry['requests']];
    return (
      isDraft(limits) &&
      isDraft(requests) &&
      ['cpu', 'memory'].every((key) => limits[key] !== undefined && limits[key] === requests[key])
    );
  });
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

const POD_MUTABLE = [
  'containers',
  'initContainers',
  'activeDeadlineSeconds',
  'tolerations',
  'terminationGracePeriodSeconds',
  'nodeName',
  'schedulingGates',
];

function withoutImages(containers: readonly unknown[]): unknown {
  return containers.map((container) =>
    typeof container === 'object' && container !== null ? { ...container, image: '' } : container,
  );
}

function validatePodUpdate(object: Obj, live: Obj, errors: FieldError[]): void {
  const [next, old] = [objAt(object, 'spec'), objAt(live, 'spec')];
  const changed =
    Object.keys({ ...next, ...old }).some((key) => !POD_MUTABLE.includes(key) && !equalValues(next[key], old[key])) ||
    JSON.stringify(withoutImages(listAt(next, 'containers'))) !==
      JSON.stringify(withoutImages(listAt(old, 'containers'))) ||
    JSON.stringify(withoutImages(listAt(next, 'initContainers'))) !==
      JSON.stringify(withoutImages(listAt(old, 'initContainers')));
  if (changed) {
    errors.push(
      fieldErrors.forbidden(
        'spec',
        'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
      ),
    );
  }
}

/** The admission plugin for storage objects in use adds a finalizer; a controller has to take it away. */
function protect(draft: Draft, finalizer: string): void {
  const metadata = child(draft, 'metadata');
  const finalizers = Array.isArray(metadata['finalizers']) ? metadata['finalizers'] : [];
  if (!finalizers.includes(finalizer)) metadata['finalizers'] = [...finalizers, finalizer];
}

function validateClaim(object: Obj, errors: FieldError[]): void {
  const spec = objAt(object, 'spec');
  if (listAt(spec, 'accessModes').length === 0)
    errors.push(fieldErrors.required('spec.accessModes', 'at least 1 access mode is required'));
  if (objAt(spec, 'resources', 'requests')['storage'] === undefined)
    errors.push(fieldErrors.required('spec.resources[storage]'));
}

function validateClaimUpdate(object: Obj, live: Obj, errors: FieldError[]): void {
  const bare = (spec: Obj): Obj =>
    withAt(
      withAt(withAt(spec, ['resources'], undefined), ['volumeName'], undefined),
      ['volumeAttributesClassName'],
      undefined,
    );
  const [next, old] = [objAt(object, 'spec'), objAt(live, 'spec')];
  const renamed = textAt(old, 'volumeName') !== undefined && textAt(old, 'volumeName') !== textAt(next, 'volumeName');
  if (renamed || !equalValues(bare(next), bare(old))) {
    errors.push(
      fieldErrors.forbidden(
        'spec',
        'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n',
      ),
    );
  }
}

/** Kinds of the core group, but for ConfigMap and Secret. */
export const CORE: Readonly<Record<string, Strategy>> = {
  ...SERVICE,
  '/Pod': strategy({
    hasStatus: true,
    generationOf: ['spec'],
    resetByStatus: ['spec', 'metadata.deletionTimestamp', 'metadata.ownerReferences'],
    prepareCreate: preparePod,
    validate: (object, errors) => validatePodSpec(objAt(object, 'spec'), 'spec', errors),
    validateUpdate: validatePodUpdate,
  }),
  '/PodTemplate': strategy({ generationOf: ['template'] }),
  '/ReplicationController': strategy({
    hasStatus: true,
    generationOf: ['spec'],
    resetByStatus: ['spec'],
    validate: (object, errors) => {
      requireCount(object, 'spec.replicas', errors);
      if (isObj(objAt(object, 'spec')['template']))
        validateTemplate(objAt(object, 'spec', 'template'), 'spec.template', errors, { restartPolicies: ['Always'] });
      else errors.push(fieldErrors.required('spec.template'));
    },
  }),
  '/Namespace': strategy({
    nameRule: 'label',
    hasStatus: true,
    resetByStatus: ['spec'],
    prepareCreate: (draft) => {
      const finalizers = child(draft, 'spec')['finalizers'];
      const list = Array.isArray(finalizers) ? finalizers : [];
      child(draft, 'spec')['finalizers'] = list.includes('kubernetes') ? list : [...list, 'kubernetes'];
      draft['status'] = { phase: 'Active' };
    },
    prepareUpdate: (draft, live) => {
      // The finalizers of a namespace go only through its `finalize` subresource.
      draft['spec'] = { finalizers: listAt(live, 'spec', 'finalizers').map(String) };
    },
  }),
  '/Node': strategy({
    hasStatus: true,
    bringsStatus: true,
    resetByStatus: ['spec'],
    prepareCreate: (draft) => {
      const taints = drafts(child(draft, 'spec'), 'taints');
      child(draft, 'spec')['taints'] = [...taints, { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }];
    },
  }),
  '/PersistentVolume': strategy({
    hasStatus: true,
    resetByStatus: ['spec'],
    prepareCreate: (draft, { now }) => {
      draft['status'] = { phase: 'Pending', lastPhaseTransitionTime: now };
      protect(draft, 'kubernetes.io/pv-protection');
    },
    validate: (object, errors) => {
      if (listAt(object, 'spec', 'accessModes').length === 0) errors.push(fieldErrors.required('spec.accessModes'));
      if (objAt(object, 'spec', 'capacity')['storage'] === undefined)
        errors.push(fieldErrors.required('spec.capacity'));
    },
  }),
  '/PersistentVolumeClaim': strategy({
    hasStatus: true,
    resetByStatus: ['spec'],
    prepareCreate: (draft) => {
      draft['status'] = { phase: 'Pending' };
      protect(draft, 'kubernetes.io/pvc-protection');
    },
    validate: validateClaim,
    validateUpdate: validateClaimUpdate,
  }),
  '/ResourceQuota': strategy({ hasStatus: true, resetByStatus: ['spec'] }),
  '/LimitRange': strategy({ createOnUpdate: true }),
  '/Endpoints': strategy({ createOnUpdate: true }),
  '/Event': strategy({ createOnUpdate: true }),
  '/ServiceAccount': strategy(),
};
