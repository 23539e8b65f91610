// SPDX-License-Identifier: Apache-2.0
import { child, type Draft, drafts, fill, fillZero, isDraft, lacks } from './draft.js';
import type { MapSchema } from '../schema/schema.js';

/** Fills what the API server fills in a struct of this type. */
export type StructDefault = (draft: Draft, schema: MapSchema) => void;

function pullPolicy(draft: Draft, image: unknown): string {
  if (typeof draft['imagePullPolicy'] === 'string' && draft['imagePullPolicy'] !== '') return draft['imagePullPolicy'];
  const text = typeof image === 'string' ? image : '';
  const name = text.split('@')[0] ?? '';
  const tag = /:([^/:]+)$/.exec(name)?.[1];
  return tag === 'latest' || (tag === undefined && !text.includes('@')) ? 'Always' : 'IfNotPresent';
}

const container: StructDefault = (draft) => {
  draft['imagePullPolicy'] = pullPolicy(draft, draft['image']);
  fill(draft, 'terminationMessagePath', '/dev/termination-log');
  fill(draft, 'terminationMessagePolicy', 'File');
};

const mode = (draft: Draft): void => fill(draft, 'defaultMode', 0o644);

const webhook: StructDefault = (draft) => {
  fill(draft, 'failurePolicy', 'Fail');
  fill(draft, 'matchPolicy', 'Equivalent');
  fill(draft, 'namespaceSelector', {});
  fill(draft, 'objectSelector', {});
  fill(draft, 'timeoutSeconds', 10);
};

const VOLUME_SOURCES = new Set(['name']);

function scalingRules(behavior: Draft, key: string, defaults: Draft): void {
  const given = behavior[key];
  behavior[key] = isDraft(given) ? { ...defaults, ...given } : defaults;
}

/** Defaults by Go type name. A parent comes before its children, so it may create them. */
export const STRUCT_DEFAULTS: Readonly<Record<string, StructDefault>> = {
  PodSpec: (draft) => {
    fill(draft, 'dnsPolicy', 'ClusterFirst');
    fill(draft, 'restartPolicy', 'Always');
    fill(draft, 'securityContext', {});
    fill(draft, 'terminationGracePeriodSeconds', 30);
    fill(draft, 'schedulerName', 'default-scheduler');
    // Go keeps the deprecated alias in step with the field.
    if (!lacks(draft, 'serviceAccountName')) draft['serviceAccount'] = draft['serviceAccountName'];
    else if (!lacks(draft, 'serviceAccount')) draft['serviceAccountName'] = draft['serviceAccount'];
    if (draft['hostNetwork'] === true) {
      for (const group of ['containers', 'initContainers']) {
        for (const entry of drafts(draft, group))
          for (const port of drafts(entry, 'ports')) fillZero(port, 'hostPort', Number(port['containerPort'] ?? 0));
      }
    }
  },
  Container: container,
  EphemeralContainer: container,
  Volume: (draft) => {
    if (Object.keys(draft).every((key) => VOLUME_SOURCES.has(key))) draft['emptyDir'] = {};
    const image = draft['image'];
    if (isDraft(image)) fill(image, 'pullPolicy', pullPolicy({}, image['reference']));
  },
  Probe: (draft) => {
    fillZero(draft, 'timeoutSeconds', 1);
    fillZero(draft, 'periodSeconds', 10);
    fillZero(draft, 'successThreshold', 1);
    fillZero(draft, 'failureThreshold', 3);
    const grpc = draft['grpc'];
    if (isDraft(grpc) && grpc['service'] === undefined) grpc['service'] = '';
  },
  HTTPGetAction: (draft) => {
    fill(draft, 'path', '/');
    fill(draft, 'scheme', 'HTTP');
  },
  SecretVolumeSource: mode,
  ConfigMapVolumeSource: mode,
  DownwardAPIVolumeSource: mode,
  ProjectedVolumeSource: mode,
  ServiceAccountTokenProjection: (draft) => fill(draft, 'expirationSeconds', 3600),
  HostPathVolumeSource: (draft) => {
    if (draft['type'] === undefined) draft['type'] = '';
  },
  ObjectFieldSelector: (draft) => fill(draft, 'apiVersion', 'v1'),
  PersistentVolumeClaimSpec: (draft) => fill(draft, 'volumeMode', 'Filesystem'),
  EndpointPort: (draft) => {
    // discovery.k8s.io has `appProtocol` too; the core type has no default name.
    fill(draft, 'protocol', 'TCP');
  },
  LimitRangeItem: (draft) => {
    if (draft['type'] !== 'Container') return;
    const max = isDraft(draft['max']) ? draft['max'] : {};
    const min = isDraft(draft['min']) ? draft['min'] : {};
    draft['default'] = { ...max, ...(isDraft(draft['default']) ? draft['default'] : {}) };
    draft['defaultRequest'] = {
      ...min,
      ...(isDraft(draft['default']) ? draft['default'] : {}),
      ...(isDraft(draft['defaultRequest']) ? draft['defaultRequest'] : {}),
    };
  },
  NetworkPolicyPort: (draft) => fill(draft, 'protocol', 'TCP'),
  ValidatingWebhook: webhook,
  MutatingWebhook: (draft, schema) => {
    webhook(draft, schema);
    fill(draft, 'reinvocationPolicy', 'Never');
  },
  RuleWithOperations: (draft) => fill(draft, 'scope', '*'),
  NamedRuleWithOperations: (draft) => fill(draft, 'scope', '*'),
  ServiceReference: (draft) => fill(draft, 'port', 443),
  ValidatingAdmissionPolicySpec: (draft) => fill(draft, 'failurePolicy', 'Fail'),
  MatchResources: (draft) => {
    fill(draft, 'matchPolicy', 'Equivalent');
    fill(draft, 'namespaceSelector', {});
    fill(draft, 'objectSelector', {});
  },
  Subject: (draft, schema) => {
    // The flow control API has a Subject too, of another shape.
    if (!schema.fields.has('apiGroup')) return;
    if (draft['kind'] === 'User' || draft['kind'] === 'Group') fill(draft, 'apiGroup', 'rbac.authorization.k8s.io');
  },
  QueuingConfiguration: (draft) => {
    fillZero(draft, 'handSize', 8);
    fillZero(draft, 'queues', 64);
    fillZero(draft, 'queueLengthLimit', 50);
  },
  LimitedPriorityLevelConfiguration: (draft) => {
    fill(draft, 'nominalConcurrencyShares', 30);
    fill(draft, 'lendablePercent', 0);
  },
  FlowSchemaSpec: (draft) => fillZero(draft, 'matchingPrecedence', 1000),
  HorizontalPodAutoscalerBehavior: (draft) => {
    scalingRules(draft, 'scaleUp', {
      stabilizationWindowSeconds: 0,
      selectPolicy: 'Max',
      policies: [
        { type: 'Pods', value: 4, periodSeconds: 15 },
        { type: 'Percent', value: 100, periodSeconds: 15 },
      ],
    });
    scalingRules(draft, 'scaleDown', {
      selectPolicy: 'Max',
      policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
    });
  },
  PodFailurePolicyOnPodConditionsPattern: (draft) => fill(draft, 'status', 'True'),
};

function rollingUpdate(strategy: Draft, defaults: Draft): void {
  fill(strategy, 'type', 'RollingUpdate');
  if (strategy['type'] !== 'RollingUpdate') return;
  const update = child(strategy, 'rollingUpdate');
  for (const [key, value] of Object.entries(defaults)) if (value !== undefined) fill(update, key, value);
}

function templateLabels(draft: Draft): Draft | undefined {
  const template = child(child(draft, 'spec'), 'template');
  const metadata = template['metadata'];
  return isDraft(metadata) && isDraft(metadata['labels']) ? metadata['labels'] : undefined;
}

function service(draft: Draft): void {
  const spec = child(draft, 'spec');
  fill(spec, 'sessionAffinity', 'None');
  if (spec['sessionAffinity'] === 'None') delete spec['sessionAffinityConfig'];
  if (spec['sessionAffinity'] === 'ClientIP')
    fill(child(child(spec, 'sessionAffinityConfig'), 'clientIP'), 'timeoutSeconds', 10_800);
  fill(spec, 'type', 'ClusterIP');
  for (const port of drafts(spec, 'ports')) {
    fill(port, 'protocol', 'TCP');
    if (port['targetPort'] === undefined || port['targetPort'] === 0 || port['targetPort'] === '')
      port['targetPort'] = port['port'] ?? 0;
  }
  const external =
    spec['type'] === 'NodePort' ||
    spec['type'] === 'LoadBalancer' ||
    (spec['type'] === 'ClusterIP' && !lacks(spec, 'externalIPs'));
  if (external) fill(spec, 'externalTrafficPolicy', 'Cluster');
  if (spec['type'] !== 'ExternalName') fill(spec, 'internalTrafficPolicy', 'Cluster');
  if (spec['type'] === 'LoadBalancer' && spec['allocateLoadBalancerNodePorts'] === undefined)
    spec['allocateLoadBalancerNodePorts'] = true;
}

function pod(draft: Draft): void {
  const spec = child(draft, 'spec');
  for (const group of ['containers', 'initContainers']) {
    for (const entry of drafts(spec, group)) {
      const resources = child(entry, 'resources');
      if (!isDraft(resources['limits'])) continue;
      resources['requests'] = {
        ...resources['limits'],
        ...(isDraft(resources['requests']) ? resources['requests'] : {}),
      };
    }
  }
  if (spec['enableServiceLinks'] === undefined) spec['enableServiceLinks'] = true;
}

function job(draft: Draft): void {
  const spec = child(draft, 'spec');
  if (spec['completions'] === undefined && spec['parallelism'] === undefined) spec['completions'] = 1;
  fill(spec, 'parallelism', 1);
  fill(spec, 'backoffLimit', spec['backoffLimitPerIndex'] === undefined ? 6 : 2_147_483_647);
  const labels = templateLabels(draft);
  const metadata = child(draft, 'metadata');
  // The same map on purpose: see `selectByUid`.
  if (labels !== undefined && lacks(metadata, 'labels')) metadata['labels'] = labels;
  fill(spec, 'completionMode', 'NonIndexed');
  if (spec['suspend'] === undefined) spec['suspend'] = false;
  fill(spec, 'podReplacementPolicy', spec['podFailurePolicy'] === undefined ? 'TerminatingOrFailed' : 'Failed');
  if (spec['manualSelector'] === undefined) spec['manualSelector'] = false;
}

function statefulSet(draft: Draft): void {
  const spec = child(draft, 'spec');
  fill(spec, 'podManagementPolicy', 'OrderedReady');
  const strategy = child(spec, 'updateStrategy');
  if (lacks(strategy, 'type')) {
    strategy['type'] = 'RollingUpdate';
    child(strategy, 'rollingUpdate');
  }
  const rolling = strategy['rollingUpdate'];
  if (strategy['type'] === 'RollingUpdate' && isDraft(rolling)) fill(rolling, 'partition', 0);
  const retention = child(spec, 'persistentVolumeClaimRetentionPolicy');
  fill(retention, 'whenDeleted', 'Retain');
  fill(retention, 'whenScaled', 'Retain');
  fill(spec, 'replicas', 1);
  fill(spec, 'revisionHistoryLimit', 10);
  for (const claim of drafts(spec, 'volumeClaimTemplates')) {
    fill(claim, 'kind', 'PersistentVolumeClaim');
    fill(claim, 'apiVersion', 'v1');
    fill(child(claim, 'status'), 'phase', 'Pending');
  }
}

function roleRef(draft: Draft): void {
  fill(child(draft, 'roleRef'), 'apiGroup', 'rbac.authorization.k8s.io');
}

/** Defaults of whole objects, by `group/Kind` (and version, where two differ). */
export const OBJECT_DEFAULTS: Readonly<Record<string, StructDefault>> = {
  '/Service': service,
  '/Pod': pod,
  '/Secret': (draft) => {
    fill(draft, 'type', 'Opaque');
    // `stringData` is for writing only: it lands in `data`.
    const given = draft['stringData'];
    delete draft['stringData'];
    if (!isDraft(given)) return;
    const data = child(draft, 'data');
    for (const [key, value] of Object.entries(given)) data[key] = Buffer.from(String(value)).toString('base64');
  },
  '/Namespace': (draft) => {
    const metadata = child(draft, 'metadata');
    if (!lacks(metadata, 'name')) child(metadata, 'labels')['kubernetes.io/metadata.name'] = metadata['name'];
    fill(child(draft, 'status'), 'phase', 'Active');
  },
  '/PersistentVolume': (draft) => {
    fill(child(draft, 'status'), 'phase', 'Pending');
    const spec = child(draft, 'spec');
    fill(spec, 'persistentVolumeReclaimPolicy', 'Retain');
    fill(spec, 'volumeMode', 'Filesystem');
  },
  '/Node': (draft) => {
    const status = child(draft, 'status');
    if (status['allocatable'] === undefined && isDraft(status['capacity']))
      status['allocatable'] = { ...status['capacity'] };
  },
  '/PersistentVolumeClaim': (draft) => fill(child(draft, 'status'), 'phase', 'Pending'),
  '/ReplicationController': (draft) => {
    const spec = child(draft, 'spec');
    fill(spec, 'replicas', 1);
    if (!isDraft(spec['template'])) return;
    const labels = templateLabels(draft);
    if (labels === undefined) return;
    if (lacks(spec, 'selector')) spec['selector'] = { ...labels };
    const metadata = child(draft, 'metadata');
    if (lacks(metadata, 'labels')) metadata['labels'] = { ...labels };
  },
  'apps/Deployment': (draft) => {
    const spec = child(draft, 'spec');
    fill(spec, 'replicas', 1);
    rollingUpdate(child(spec, 'strategy'), { maxUnavailable: '25%', maxSurge: '25%' });
    fill(spec, 'revisionHistoryLimit', 10);
    fill(spec, 'progressDeadlineSeconds', 600);
  },
  'apps/DaemonSet': (draft) => {
    const spec = child(draft, 'spec');
    const strategy = child(spec, 'updateStrategy');
    rollingUpdate(strategy, { maxUnavailable: 1, maxSurge: 0 });
    // Both are plain values inside the server, so both come back whatever the type is.
    if (isDraft(strategy['rollingUpdate']))
      for (const key of ['maxUnavailable', 'maxSurge']) fill(strategy['rollingUpdate'], key, 0);
    fill(child(child(draft, 'metadata'), 'annotations'), 'deprecated.daemonset.template.generation', '0');
    fill(spec, 'revisionHistoryLimit', 10);
  },
  'apps/StatefulSet': statefulSet,
  'apps/ReplicaSet': (draft) => fill(child(draft, 'spec'), 'replicas', 1),
  'batch/Job': job,
  'batch/CronJob': (draft) => {
    const spec = child(draft, 'spec');
    fill(spec, 'concurrencyPolicy', 'Allow');
    if (spec['suspend'] === undefined) spec['suspend'] = false;
    fill(spec, 'successfulJobsHistoryLimit', 3);
    fill(spec, 'failedJobsHistoryLimit', 1);
  },
  'networking.k8s.io/NetworkPolicy': (draft) => {
    const spec = child(draft, 'spec');
    if (lacks(spec, 'policyTypes')) spec['policyTypes'] = lacks(spec, 'egress') ? ['Ingress'] : ['Ingress', 'Egress'];
  },
  'networking.k8s.io/IngressClass': (draft) => {
    const parameters = child(draft, 'spec')['parameters'];
    if (isDraft(parameters)) fill(parameters, 'scope', 'Cluster');
  },
  'rbac.authorization.k8s.io/RoleBinding': roleRef,
  'rbac.authorization.k8s.io/ClusterRoleBinding': roleRef,
  'storage.k8s.io/StorageClass': (draft) => {
    fill(draft, 'reclaimPolicy', 'Delete');
    fill(draft, 'volumeBindingMode', 'Immediate');
  },
  'storage.k8s.io/CSIDriver': (draft) => {
    const spec = child(draft, 'spec');
    if (spec['attachRequired'] === undefined) spec['attachRequired'] = true;
    for (const key of ['podInfoOnMount', 'storageCapacity', 'requiresRepublish', 'seLinuxMount'])
      if (spec[key] === undefined) spec[key] = false;
    fill(spec, 'fsGroupPolicy', 'ReadWriteOnceWithFSType');
    if (lacks(spec, 'volumeLifecycleModes')) spec['volumeLifecycleModes'] = ['Persistent'];
  },
  'autoscaling/v1/HorizontalPodAutoscaler': (draft) => {
    const spec = child(draft, 'spec');
    fill(spec, 'minReplicas', 1);
    const annotations = child(draft, 'metadata')['annotations'];
    const hasOthers = isDraft(annotations) && annotations['autoscaling.alpha.kubernetes.io/metrics'] !== undefined;
    if (!hasOthers) fill(spec, 'targetCPUUtilizationPercentage', 80);
  },
  'autoscaling/v2/HorizontalPodAutoscaler': (draft) => {
    const spec = child(draft, 'spec');
    fill(spec, 'minReplicas', 1);
    if (lacks(spec, 'metrics'))
      spec['metrics'] = [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
      ];
  },
  'scheduling.k8s.io/PriorityClass': (draft) => fill(draft, 'preemptionPolicy', 'PreemptLowerPriority'),
  'discovery.k8s.io/EndpointSlice': (draft) => {
    for (const port of drafts(draft, 'ports')) if (port['name'] === undefined) port['name'] = '';
  },
  'apiextensions.k8s.io/CustomResourceDefinition': (draft) => {
    const names = child(child(draft, 'spec'), 'names');
    if (lacks(names, 'singular') && typeof names['kind'] === 'string') names['singular'] = names['kind'].toLowerCase();
    if (lacks(names, 'listKind') && typeof names['kind'] === 'string' && names['kind'] !== '')
      names['listKind'] = `${names['kind']}List`;
    const conversion = child(child(draft, 'spec'), 'conversion');
    fill(conversion, 'strategy', 'None');
  },
  'certificates.k8s.io/CertificateSigningRequest': (draft) => {
    const spec = child(draft, 'spec');
    if (lacks(spec, 'usages')) spec['usages'] = ['digital signature', 'key encipherment'];
  },
  'resource.k8s.io/ResourceClaim': () => undefined,
};
