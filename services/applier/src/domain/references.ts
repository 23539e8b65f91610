// SPDX-License-Identifier: Apache-2.0
import { groupOf, type KubeObject, type ObjectRef, refKey } from '@plumbline/kube';

/** An object of a set with its effective identity. */
export interface SetObject {
  /** `group/Kind/namespace/name` after namespace defaulting. */
  readonly key: string;
  readonly ref: ObjectRef;
  readonly object: KubeObject;
}

/** Annotation with keys (comma separated) of objects that must be applied first. */
export const DEPENDS_ON = 'plumbline.dev/depends-on';

type Tree = Readonly<Record<string, unknown>>;

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value under a path of names, or undefined. */
export function valueAt(value: unknown, ...path: readonly string[]): unknown {
  let current = value;
  for (const part of path) current = isTree(current) ? current[part] : undefined;
  return current;
}

function text(value: unknown, ...path: readonly string[]): string | undefined {
  const found = valueAt(value, ...path);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

function items(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = valueAt(value, ...path);
  return Array.isArray(found) ? found : [];
}

const POD_TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  '/Pod': [],
  '/ReplicationController': ['spec', 'template'],
  'apps/Deployment': ['spec', 'template'],
  'apps/StatefulSet': ['spec', 'template'],
  'apps/DaemonSet': ['spec', 'template'],
  'apps/ReplicaSet': ['spec', 'template'],
  'batch/Job': ['spec', 'template'],
  'batch/CronJob': ['spec', 'jobTemplate', 'spec', 'template'],
};

/** The pod template (or the Pod itself) of a workload of a built-in kind. */
export function podTemplateOf(object: KubeObject): unknown {
  const path = POD_TEMPLATES[`${groupOf(object.apiVersion)}/${object.kind}`];
  return path === undefined ? undefined : valueAt(object, ...path);
}

/** Returns true for built-in kinds that run pods. */
export function isWorkload(ref: ObjectRef): boolean {
  return Object.hasOwn(POD_TEMPLATES, `${ref.group}/${ref.kind}`);
}

/** The GroupKind that a CustomResourceDefinition defines, as `group/Kind`. */
export function definedKind(object: KubeObject): string | undefined {
  if (object.kind !== 'CustomResourceDefinition' || groupOf(object.apiVersion) !== 'apiextensions.k8s.io')
    return undefined;
  const group = text(object, 'spec', 'group');
  const kind = text(object, 'spec', 'names', 'kind');
  return group === undefined || kind === undefined ? undefined : `${group}/${kind}`;
}

/** True for the two webhook configuration kinds. */
export function isWebhookConfiguration(ref: ObjectRef): boolean {
  return ref.group === 'admissionregistration.k8s.io' && /^(Mutating|Validating)WebhookConfiguration$/.test(ref.kind);
}

function podReferences(template: unknown, namespace: string): string[] {
  const found: string[] = [];
  const add = (kind: string, name: string | undefined): void => {
    if (name !== undefined) found.push(`/${kind}/${namespace}/${name}`);
  };
  const spec = valueAt(template, 'spec');
  add('ServiceAccount', text(spec, 'serviceAccountName'));
  const priority = text(spec, 'priorityClassName');
  if (priority !== undefined) found.push(`scheduling.k8s.io/PriorityClass//${priority}`);
  const runtime = text(spec, 'runtimeClassName');
  if (runtime !== undefined) found.push(`node.k8s.io/RuntimeClass//${runtime}`);
  for (const pull of items(spec, 'imagePullSecrets')) add('Secret', text(pull, 'name'));
  for (const volume of items(spec, 'volumes')) {
    add('ConfigMap', text(volume, 'configMap', 'name'));
    add('Secret', text(volume, 'secret', 'secretName'));
    add('PersistentVolumeClaim', text(volume, 'persistentVolumeClaim', 'claimName'));
    for (const source of items(volume, 'projected', 'sources')) {
      add('ConfigMap', text(source, 'configMap', 'name'));
      add('Secret', text(source, 'secret', 'name'));
    }
  }
  for (const container of [...items(spec, 'containers'), ...items(spec, 'initContainers')]) {
    for (const from of items(container, 'envFrom')) {
      add('ConfigMap', text(from, 'configMapRef', 'name'));
      add('Secret', text(from, 'secretRef', 'name'));
    }
    for (const variable of items(container, 'env')) {
      add('ConfigMap', text(variable, 'valueFrom', 'configMapKeyRef', 'name'));
      add('Secret', text(variable, 'valueFrom', 'secretKeyRef', 'name'));
    }
  }
  return found;
}

function rbacReferences({ object, ref }: SetObject): string[] {
  const found: string[] = [];
  const kind = text(object, 'roleRef', 'kind');
  const name = text(object, 'roleRef', 'name');
  const scope = kind === 'Role' ? (ref.namespace ?? '') : '';
  if (kind !== undefined && name !== undefined) found.push(`rbac.authorization.k8s.io/${kind}/${scope}/${name}`);
  for (const subject of items(object, 'subjects')) {
    if (text(subject, 'kind') !== 'ServiceAccount') continue;
    found.push(`/ServiceAccount/${text(subject, 'namespace') ?? ref.namespace ?? ''}/${text(subject, 'name') ?? ''}`);
  }
  return found;
}

function serviceReferences(services: readonly unknown[]): string[] {
  return services.flatMap((service) => {
    const name = text(service, 'name');
    const namespace = text(service, 'namespace');
    return name === undefined || namespace === undefined ? [] : [`/Service/${namespace}/${name}`];
  });
}

function labelsMatch(selector: unknown, labels: unknown): boolean {
  if (!isTree(selector) || !isTree(labels)) return false;
  const wanted = Object.entries(selector);
  return wanted.length > 0 && wanted.every(([name, value]) => labels[name] === value);
}

/** Returns keys of workloads of the set in the namespace whose pods match the selector. */
function workloadsBehind(
  selector: unknown,
  namespace: string | undefined,
  set: ReadonlyMap<string, SetObject>,
): string[] {
  const found: string[] = [];
  for (const { key, ref, object } of set.values()) {
    if (ref.namespace !== namespace || !isWorkload(ref)) continue;
    if (labelsMatch(selector, valueAt(podTemplateOf(object), 'metadata', 'labels'))) found.push(key);
  }
  return found;
}

function behindServices(keys: readonly string[], set: ReadonlyMap<string, SetObject>): string[] {
  return keys.flatMap((key) => {
    const service = set.get(key);
    return service === undefined
      ? [key]
      : [key, ...workloadsBehind(valueAt(service.object, 'spec', 'selector'), service.ref.namespace, set)];
  });
}

function kindReferences(node: SetObject, set: ReadonlyMap<string, SetObject>): string[] {
  const { object, ref } = node;
  const namespace = ref.namespace ?? '';
  switch (`${ref.group}/${ref.kind}`) {
    case 'rbac.authorization.k8s.io/RoleBinding':
    case 'rbac.authorization.k8s.io/ClusterRoleBinding':
      return rbacReferences(node);
    case '/PersistentVolumeClaim':
      return [
        `storage.k8s.io/StorageClass//${text(object, 'spec', 'storageClassName') ?? ''}`,
        `/PersistentVolume//${text(object, 'spec', 'volumeName') ?? ''}`,
      ];
    case '/PersistentVolume':
      return [`storage.k8s.io/StorageClass//${text(object, 'spec', 'storageClassName') ?? ''}`];
    case 'networking.k8s.io/Ingress':
      return [
        `networking.k8s.io/IngressClass//${text(object, 'spec', 'ingressClassName') ?? ''}`,
        ...items(object, 'spec', 'tls').map((tls) => `/Secret/${namespace}/${text(tls, 'secretName') ?? ''}`),
      ];
    case 'gateway.networking.k8s.io/Gateway':
      return [`gateway.networking.k8s.io/GatewayClass//${text(object, 'spec', 'gatewayClassName') ?? ''}`];
    case 'autoscaling/HorizontalPodAutoscaler': {
      const target = valueAt(object, 'spec', 'scaleTargetRef');
      return [
        `${groupOf(text(target, 'apiVersion') ?? '')}/${text(target, 'kind') ?? ''}/${namespace}/${text(target, 'name') ?? ''}`,
      ];
    }
    case 'policy/PodDisruptionBudget':
      return workloadsBehind(valueAt(object, 'spec', 'selector', 'matchLabels'), ref.namespace, set);
    case 'apps/StatefulSet':
      return [`/Service/${namespace}/${text(object, 'spec', 'serviceName') ?? ''}`];
    case 'apiregistration.k8s.io/APIService':
      return behindServices(serviceReferences([valueAt(object, 'spec', 'service')]), set);
    case 'admissionregistration.k8s.io/MutatingWebhookConfiguration':
    case 'admissionregistration.k8s.io/ValidatingWebhookConfiguration':
      return behindServices(
        serviceReferences(items(object, 'webhooks').map((hook) => valueAt(hook, 'clientConfig', 'service'))),
        set,
      );
    case 'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding':
      return [`admissionregistration.k8s.io/ValidatingAdmissionPolicy//${text(object, 'spec', 'policyName') ?? ''}`];
    default:
      return [];
  }
}

/** Returns the explicit dependencies of an object, which may or may not be in the set. */
export function explicitDependencies(object: KubeObject): readonly string[] {
  const declared = object.metadata.annotations?.[DEPENDS_ON];
  return declared === undefined
    ? []
    : declared
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '');
}

/** Returns the keys of the objects of the set that an object refers to. */
export function dependenciesOf(
  node: SetObject,
  set: ReadonlyMap<string, SetObject>,
  definitions: ReadonlyMap<string, string>,
): ReadonlySet<string> {
  const { object, ref } = node;
  const candidates = [...kindReferences(node, set), ...explicitDependencies(object)];
  if (ref.namespace !== undefined) {
    candidates.push(
      refKey({ group: '', kind: 'Namespace', name: ref.namespace }),
      ...podReferences(podTemplateOf(object), ref.namespace),
    );
  }
  const definition = definitions.get(`${ref.group}/${ref.kind}`);
  if (definition !== undefined) candidates.push(definition);
  return new Set(candidates.filter((key) => key !== node.key && set.has(key)));
}
