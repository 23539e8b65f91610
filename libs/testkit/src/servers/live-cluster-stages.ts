// SPDX-License-Identifier: Apache-2.0

/** Annotation of a Pod (or of a Pod template) that tells the fake kubelet how it shall end. */
export const POD_FATE_ANNOTATION = 'testkit.plumbline.dev/fate';

/**
 * `crash`: the containers restart for ever (CrashLoopBackOff). `image`: their image cannot be pulled.
 * `fail`: the Pod ends with exit code 1. `never-ready`: it runs without becoming ready.
 */
export type PodFate = 'crash' | 'image' | 'fail' | 'never-ready';

interface Match {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values?: readonly string[];
}

const READY = '.status.conditions.[] | select( .type == "Ready" ) | .status';
const FATE = `.metadata.annotations["${POD_FATE_ANNOTATION}"]`;
const ALIVE: Match = { key: '.metadata.deletionTimestamp', operator: 'DoesNotExist' };

function stage(name: string, kind: 'Node' | 'Pod', matchExpressions: readonly Match[], rest: object): object {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: { resourceRef: { apiGroup: 'v1', kind }, selector: { matchExpressions }, ...rest },
  };
}

const nodeConditions = `
conditions:
{{ range NodeConditions }}
- lastHeartbeatTime: {{ Now | Quote }}
  lastTransitionTime: {{ or $.metadata.creationTimestamp Now | Quote }}
  message: {{ .message | Quote }}
  reason: {{ .reason | Quote }}
  status: {{ .status | Quote }}
  type: {{ .type | Quote }}
{{ end }}
`;

const nodeInitialize = `${nodeConditions}
addresses:
- { type: InternalIP, address: {{ NodeIP | Quote }} }
- { type: Hostname, address: {{ NodeName | Quote }} }
allocatable: { cpu: 1k, memory: 1Ti, pods: 1M }
capacity: { cpu: 1k, memory: 1Ti, pods: 1M }
nodeInfo:
  architecture: amd64
  bootID: ""
  containerRuntimeVersion: {{ printf "kwok-%s" Version | Quote }}
  kernelVersion: kwok
  kubeProxyVersion: kwok
  kubeletVersion: kwok
  machineID: ""
  operatingSystem: linux
  osImage: ""
  systemUUID: ""
phase: Running
`;

/**
 * Status of a Pod whose containers are all in the same state. Addresses are merged, not replaced,
 * and a second one is refused, so they are given once.
 */
function podStatus(phase: string, ready: boolean, containerState: string): string {
  const condition = (type: string, status: boolean): string =>
    `- { type: ${type}, status: ${status ? '"True"' : '"False"'}, lastTransitionTime: {{ Now | Quote }} }`;
  return `
conditions:
${condition('Initialized', true)}
${condition('Ready', ready)}
${condition('ContainersReady', ready)}
{{ range .spec.readinessGates }}
- { type: {{ .conditionType | Quote }}, status: "True", lastTransitionTime: {{ Now | Quote }} }
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- image: {{ .image | Quote }}
  imageID: ""
  name: {{ .name | Quote }}
  ready: ${ready}
  started: ${ready}
${containerState}
{{ end }}
{{ if not .status.podIP }}
{{ with PodIPsWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) }}
podIP: {{ index . 0 | Quote }}
podIPs: [{ ip: {{ index . 0 | Quote }} }]
{{ end }}
{{ end }}
phase: ${phase}
startTime: {{ or .status.startTime Now | Quote }}
`;
}

const running = '  restartCount: 0\n  state: { running: { startedAt: {{ Now | Quote }} } }';
const waiting = (reason: string, restarts: number): string =>
  `  restartCount: ${restarts}\n  state: { waiting: { reason: ${reason}, message: "told by the test" } }`;
const terminated = (reason: string, exitCode: number): string =>
  `  restartCount: 0\n  state: { terminated: { exitCode: ${exitCode}, reason: ${reason}, startedAt: {{ Now | Quote }}, finishedAt: {{ Now | Quote }} } }`;

const next = (statusTemplate: string): object => ({ next: { statusTemplate } });
const fateIs = (fate: PodFate): Match => ({ key: FATE, operator: 'In', values: [fate] });
const phaseIsNot = (phase: string): Match => ({ key: '.status.phase', operator: 'NotIn', values: [phase] });
const isNotUnready: Match = { key: READY, operator: 'NotIn', values: ['False'] };

/** What kwok's fake kubelets do with Nodes and Pods. */
export const LIVE_CLUSTER_STAGES: readonly object[] = [
  stage('node-initialize', 'Node', [{ key: READY, operator: 'NotIn', values: ['True'] }], next(nodeInitialize)),
  stage(
    'node-heartbeat',
    'Node',
    [
      { key: '.status.phase', operator: 'In', values: ['Running'] },
      { key: READY, operator: 'In', values: ['True'] },
    ],
    { delay: { durationMilliseconds: 20_000, jitterDurationMilliseconds: 25_000 }, ...next(nodeConditions) },
  ),
  stage(
    'pod-ready',
    'Pod',
    [
      ALIVE,
      { key: FATE, operator: 'DoesNotExist' },
      { key: '.status.phase', operator: 'In', values: ['Pending'] },
      { key: READY, operator: 'NotIn', values: ['True'] },
    ],
    next(podStatus('Running', true, running)),
  ),
  stage(
    'pod-complete',
    'Pod',
    [
      ALIVE,
      { key: FATE, operator: 'DoesNotExist' },
      { key: '.status.phase', operator: 'In', values: ['Running'] },
      { key: '.metadata.ownerReferences.[].kind', operator: 'In', values: ['Job'] },
    ],
    next(podStatus('Succeeded', false, terminated('Completed', 0))),
  ),
  stage(
    'pod-crash',
    'Pod',
    [ALIVE, fateIs('crash'), isNotUnready],
    next(podStatus('Running', false, waiting('CrashLoopBackOff', 3))),
  ),
  stage(
    'pod-image',
    'Pod',
    [ALIVE, fateIs('image'), isNotUnready],
    next(podStatus('Pending', false, waiting('ImagePullBackOff', 0))),
  ),
  stage(
    'pod-never-ready',
    'Pod',
    [ALIVE, fateIs('never-ready'), isNotUnready],
    next(podStatus('Running', false, running)),
  ),
  stage(
    'pod-fail',
    'Pod',
    [ALIVE, fateIs('fail'), phaseIsNot('Failed')],
    next(podStatus('Failed', false, terminated('Error', 1))),
  ),
  stage('pod-delete', 'Pod', [{ key: '.metadata.deletionTimestamp', operator: 'Exists' }], { next: { delete: true } }),
];
