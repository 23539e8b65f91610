// SPDX-License-Identifier: Apache-2.0
import { type FieldError, fieldErrors } from '../api-failure.js';
import { strategy, type Strategy } from '../strategy.js';
import { equalValues, isObj, listAt, numberAt, type Obj, objAt, textAt, textsAt } from '../value.js';

function forbidChange(
  fields: readonly string[],
  detail: (field: string) => string,
): (object: Obj, live: Obj, errors: FieldError[]) => void {
  return (object, live, errors) => {
    for (const field of fields)
      if (!equalValues(object[field], live[field])) errors.push(fieldErrors.forbidden(field, detail(field)));
  };
}

function immutable(object: Obj, live: Obj, field: string, errors: FieldError[]): void {
  if (!equalValues(object[field], live[field]))
    errors.push(fieldErrors.invalid(field, object[field], 'field is immutable'));
}

function validateRules(object: Obj, errors: FieldError[]): void {
  for (const [index, rule] of listAt(object, 'rules').entries()) {
    if (textsAt(rule, 'verbs').length === 0)
      errors.push(fieldErrors.required(`rules[${index}].verbs`, 'verbs must contain at least one value'));
    if (listAt(rule, 'nonResourceURLs').length > 0) continue;
    if (listAt(rule, 'apiGroups').length === 0)
      errors.push(
        fieldErrors.required(`rules[${index}].apiGroups`, 'resource rules must supply at least one api group'),
      );
    if (listAt(rule, 'resources').length === 0)
      errors.push(
        fieldErrors.required(`rules[${index}].resources`, 'resource rules must supply at least one resource'),
      );
  }
}

function validateBinding(kinds: readonly string[]): (object: Obj, errors: FieldError[]) => void {
  return (object, errors) => {
    const group = textAt(object, 'roleRef', 'apiGroup') ?? '';
    if (group !== 'rbac.authorization.k8s.io')
      errors.push(fieldErrors.unsupported('roleRef.apiGroup', group, ['rbac.authorization.k8s.io']));
    const kind = textAt(object, 'roleRef', 'kind') ?? '';
    if (!kinds.includes(kind)) errors.push(fieldErrors.unsupported('roleRef.kind', kind, kinds));
    if ((textAt(object, 'roleRef', 'name') ?? '') === '') errors.push(fieldErrors.required('roleRef.name'));
    for (const [index, subject] of listAt(object, 'subjects').entries()) {
      if ((textAt(subject, 'name') ?? '') === '') errors.push(fieldErrors.required(`subjects[${index}].name`));
      const subjectKind = textAt(subject, 'kind') ?? '';
      if (!['ServiceAccount', 'User', 'Group'].includes(subjectKind))
        errors.push(
          fieldErrors.unsupported(`subjects[${index}].kind`, subjectKind, ['ServiceAccount', 'User', 'Group']),
        );
      if (subjectKind === 'ServiceAccount' && !kinds.includes('Role') && (textAt(subject, 'namespace') ?? '') === '')
        errors.push(fieldErrors.required(`subjects[${index}].namespace`));
    }
  };
}

/** As Go's internal type writes it. */
function roleRefText(object: Obj): Obj {
  const roleRef = objAt(object, 'roleRef');
  return { APIGroup: roleRef['apiGroup'], Kind: roleRef['kind'], Name: roleRef['name'] };
}

function fixedRoleRef(object: Obj, live: Obj, errors: FieldError[]): void {
  if (!equalValues(object['roleRef'], live['roleRef']))
    errors.push(fieldErrors.invalid('roleRef', roleRefText(object), 'cannot change roleRef'));
}

function validateScaler(object: Obj, errors: FieldError[]): void {
  const [min, max] = [numberAt(object, 'spec', 'minReplicas') ?? 1, numberAt(object, 'spec', 'maxReplicas') ?? 0];
  if (min < 1) errors.push(fieldErrors.invalid('spec.minReplicas', min, 'must be greater than or equal to 1'));
  if (max < 1) errors.push(fieldErrors.invalid('spec.maxReplicas', max, 'must be greater than 0'));
  if (max < min)
    errors.push(fieldErrors.invalid('spec.maxReplicas', max, 'must be greater than or equal to `minReplicas`'));
  for (const key of ['kind', 'name'])
    if ((textAt(object, 'spec', 'scaleTargetRef', key) ?? '') === '')
      errors.push(fieldErrors.required(`spec.scaleTargetRef.${key}`));
  if ((textAt(object, 'spec', 'scaleTargetRef', 'apiVersion') ?? '') === '')
    errors.push(fieldErrors.invalid('spec.scaleTargetRef.apiVersion', '', 'apiVersion must specify API group'));
}

function validateWebhooks(object: Obj, errors: FieldError[]): void {
  for (const [index, webhook] of listAt(object, 'webhooks').entries()) {
    const at = `webhooks[${index}]`;
    const name = textAt(webhook, 'name') ?? '';
    if (name === '') errors.push(fieldErrors.required(`${at}.name`));
    else if (name.split('.').length < 3)
      errors.push(
        fieldErrors.invalid(`${at}.name`, name, 'should be a domain with at least three segments separated by dots'),
      );
    const effects = textAt(webhook, 'sideEffects') ?? '';
    if (effects === '')
      errors.push(fieldErrors.required(`${at}.sideEffects`, 'must specify one of None, NoneOnDryRun'));
    const config = objAt(webhook, 'clientConfig');
    if (isObj(config['service']) === (config['url'] !== undefined))
      errors.push(fieldErrors.required(`${at}.clientConfig`, 'exactly one of url or service is required'));
    if (textsAt(webhook, 'admissionReviewVersions').length === 0)
      errors.push(fieldErrors.required(`${at}.admissionReviewVersions`, 'must specify one of v1, v1beta1'));
  }
}

const webhooks = strategy({ generationOf: ['webhooks'], unconditionalUpdate: false, validate: validateWebhooks });
const role = { nameRule: 'path', createOnUpdate: true } as const;
const storageClassText = (field: string): string => `updates to ${field} are forbidden.`;

/** Kinds of the remaining groups. */
export const OTHERS: Readonly<Record<string, Strategy>> = {
  'rbac.authorization.k8s.io/Role': strategy({ ...role, validate: validateRules }),
  'rbac.authorization.k8s.io/ClusterRole': strategy({ ...role, validate: validateRules }),
  'rbac.authorization.k8s.io/RoleBinding': strategy({
    ...role,
    validate: validateBinding(['Role', 'ClusterRole']),
    validateUpdate: fixedRoleRef,
  }),
  'rbac.authorization.k8s.io/ClusterRoleBinding': strategy({
    ...role,
    validate: validateBinding(['ClusterRole']),
    validateUpdate: fixedRoleRef,
  }),
  'autoscaling/HorizontalPodAutoscaler': strategy({
    hasStatus: true,
    resetByStatus: ['spec'],
    validate: validateScaler,
  }),
  'policy/PodDisruptionBudget': strategy({
    hasStatus: true,
    generationOf: ['spec'],
    resetByStatus: ['spec'],
    unconditionalUpdate: false,
    repeatsMetadataErrors: false,
    validate: (object, errors) => {
      const spec = objAt(object, 'spec');
      if (spec['minAvailable'] !== undefined && spec['maxUnavailable'] !== undefined)
        errors.push(fieldErrors.invalid('spec', spec, 'minAvailable and maxUnavailable cannot be both set'));
    },
  }),
  'scheduling.k8s.io/PriorityClass': strategy({
    generationOf: ['value'],
    validateUpdate: (object, live, errors) => {
      forbidChange(['value'], () => 'may not be changed in an update.')(object, live, errors);
      immutable(object, live, 'preemptionPolicy', errors);
    },
  }),
  'storage.k8s.io/StorageClass': strategy({
    validate: (object, errors) => {
      if ((textAt(object, 'provisioner') ?? '') === '') errors.push(fieldErrors.required('provisioner'));
    },
    validateUpdate: (object, live, errors) => {
      forbidChange(['parameters', 'provisioner', 'reclaimPolicy'], storageClassText)(object, live, errors);
      immutable(object, live, 'volumeBindingMode', errors);
    },
  }),
  'storage.k8s.io/CSIDriver': strategy({ generationOf: ['spec'], unconditionalUpdate: false }),
  'storage.k8s.io/CSINode': strategy({ unconditionalUpdate: false }),
  'storage.k8s.io/VolumeAttachment': strategy({ hasStatus: true, resetByStatus: ['spec'], unconditionalUpdate: false }),
  'storage.k8s.io/CSIStorageCapacity': strategy({ unconditionalUpdate: false }),
  'coordination.k8s.io/Lease': strategy({ createOnUpdate: true, unconditionalUpdate: false }),
  'discovery.k8s.io/EndpointSlice': strategy({ generationOf: ['addressType', 'endpoints', 'ports'] }),
  'node.k8s.io/RuntimeClass': strategy({
    createOnUpdate: true,
    unconditionalUpdate: false,
    validateUpdate: (object, live, errors) => immutable(object, live, 'handler', errors),
  }),
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration': webhooks,
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': webhooks,
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy': strategy({
    hasStatus: true,
    generationOf: ['spec'],
    resetByStatus: ['spec', 'metadata'],
    unconditionalUpdate: false,
  }),
  'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding': strategy({
    generationOf: ['spec'],
    unconditionalUpdate: false,
  }),
  'flowcontrol.apiserver.k8s.io/FlowSchema': strategy({
    hasStatus: true,
    generationOf: ['spec'],
    resetByStatus: ['spec', 'metadata'],
  }),
  'flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration': strategy({
    hasStatus: true,
    generationOf: ['spec'],
    resetByStatus: ['spec', 'metadata'],
  }),
  'apiregistration.k8s.io/APIService': strategy({
    hasStatus: true,
    resetByStatus: ['spec'],
    unconditionalUpdate: false,
  }),
  'certificates.k8s.io/CertificateSigningRequest': strategy({ hasStatus: true, resetByStatus: ['spec'] }),
};
