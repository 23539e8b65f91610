// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { type Store, storeKey } from '../store/store.js';
import { isObj, listAt, numberAt, type Obj, objAt, textAt, textsAt, type Value, withAt } from '../value.js';
import type { WorkloadFailure } from './controllers.js';
import { withCondition } from './conditions.js';

/** What a rule may look at. */
export interface RuleTools {
  readonly now: string;
  readonly failure: WorkloadFailure | undefined;
  readonly store: Store;
}

/** How the controller of one kind reports. Each function returns the object as the controller writes it. */
export interface StatusRule {
  /** Top-level members whose change wakes the controller. */
  readonly watches: readonly string[];
  /** Right after a change: seen, not done. */
  readonly observed?: (object: Obj, tools: RuleTools) => Obj;
  /** After the work: ready, or failed. */
  readonly settled: (object: Obj, tools: RuleTools) => Obj | undefined;
  /** The door through which the controller changes the spec; the object itself by default. */
  readonly specThrough?: string;
  /**
   * Of an object that is being deleted: without the finalizers of this controller, or `delete` when the kubelet would
   * end it.
   */
  readonly release?: (object: Obj) => Obj | 'delete' | undefined;
  /** When the object is to be removed after this status. */
  readonly ttlSeconds?: (object: Obj) => number | undefined;
}

function generationOf(object: Obj): number {
  return numberAt(object, 'metadata', 'generation') ?? 1;
}

function replicasOf(object: Obj): number {
  return numberAt(object, 'spec', 'replicas') ?? 1;
}

function withStatus(object: Obj, status: Obj): Obj {
  return { ...object, status };
}

function count(name: string, value: number): Obj {
  return value === 0 ? {} : { [name]: value };
}

/** Stands for the hash of the pod template in names of revisions. */
function revisionName(object: Obj): string {
  const hash = createHash('sha256')
    .update(JSON.stringify(objAt(object, 'spec')['template'] ?? null))
    .digest('hex')
    .slice(0, 10);
  return `${textAt(object, 'metadata', 'name') ?? ''}-${hash}`;
}

const REVISION = 'deployment.kubernetes.io/revision';

function deploymentRevision(object: Obj): Obj {
  const name = revisionName(object);
  const message = progressMessage(object);
  const known = Number(textAt(object, 'metadata', 'annotations', REVISION) ?? '0');
  const revision = message === undefined ? Math.max(known, 1) : message.includes(`"${name}"`) ? known : known + 1;
  return withAt(object, ['metadata', 'annotations', REVISION], String(revision));
}

function progressMessage(object: Obj): string | undefined {
  return listAt(object, 'status', 'conditions')
    .map((condition) => textAt(condition, 'message') ?? '')
    .find((text) => text.startsWith('ReplicaSet "'));
}

/** Whether the pod template of now has been rolled out. */
function isRolledOut(object: Obj): boolean {
  return progressMessage(object) === `ReplicaSet "${revisionName(object)}" has successfully progressed.`;
}

const AVAILABLE = {
  type: 'Available',
  status: 'True',
  reason: 'MinimumReplicasAvailable',
  message: 'Deployment has minimum availability.',
} as const;
const UNAVAILABLE = {
  type: 'Available',
  status: 'False',
  reason: 'MinimumReplicasUnavailable',
  message: 'Deployment does not have minimum availability.',
} as const;

function deploymentStatus(
  object: Obj,
  replicas: { readonly wanted: number; readonly updated: number; readonly ready: number },
  conditions: readonly Value[],
): Obj {
  const { wanted, updated, ready } = replicas;
  return withStatus(deploymentRevision(object), {
    observedGeneration: generationOf(object),
    ...count('replicas', wanted),
    ...count('updatedReplicas', updated),
    ...count('readyReplicas', ready),
    ...count('availableReplicas', ready),
    ...count('unavailableReplicas', Math.max(wanted - ready, 0)),
    conditions,
  });
}

const deployment: StatusRule = {
  watches: ['spec'],
  observed: (object, { now }) => {
    const old = objAt(object, 'status');
    const wanted = replicasOf(object);
    const ready = Math.min(numberAt(old, 'readyReplicas') ?? 0, wanted);
    let conditions = listAt(old, 'conditions');
    if (objAt(object, 'spec')['paused'] === true) {
      conditions = withCondition(
        conditions,
        { type: 'Progressing', status: 'Unknown', reason: 'DeploymentPaused', message: 'Deployment is paused' },
        now,
      );
      return withStatus(object, { ...old, observedGeneration: generationOf(object), conditions });
    }
    const rolledOut = isRolledOut(object);
    if (rolledOut && ready === wanted) return deploymentStatus(object, { wanted, updated: wanted, ready }, conditions);
    conditions = withCondition(conditions, ready === wanted && wanted > 0 ? AVAILABLE : UNAVAILABLE, now);
    if (!rolledOut)
      conditions = withCondition(
        conditions,
        {
          type: 'Progressing',
          status: 'True',
          reason: 'ReplicaSetUpdated',
          message: `ReplicaSet "${revisionName(object)}" is progressing.`,
        },
        now,
      );
    return deploymentStatus(object, { wanted, updated: rolledOut ? ready : 0, ready }, conditions);
  },
  settled: (object, { now, failure }) => {
    if (objAt(object, 'spec')['paused'] === true) return undefined;
    const wanted = replicasOf(object);
    const old = listAt(object, 'status', 'conditions');
    if (failure !== undefined) {
      // A roll-out that fails leaves the replicas of the one before it; one that breaks later has nothing left.
      const ready = isRolledOut(object) ? 0 : Math.min(numberAt(object, 'status', 'readyReplicas') ?? 0, wanted);
      const conditions = withCondition(old, ready > 0 ? AVAILABLE : UNAVAILABLE, now);
      const reason = failure.reason ?? 'ProgressDeadlineExceeded';
      return deploymentStatus(
        object,
        { wanted, updated: ready > 0 ? 1 : wanted, ready },
        withCondition(conditions, { type: 'Progressing', status: 'False', reason, message: failure.message }, now),
      );
    }
    const message = `ReplicaSet "${revisionName(object)}" has successfully progressed.`;
    const conditions = withCondition(
      withCondition(old, AVAILABLE, now),
      { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable', message },
      now,
    );
    return deploymentStatus(object, { wanted, updated: wanted, ready: wanted }, conditions);
  },
};

const replicaSet: StatusRule = {
  watches: ['spec'],
  settled: (object, { failure }) => {
    const replicas = replicasOf(object);
    const ready = failure === undefined ? replicas : 0;
    return withStatus(object, {
      replicas,
      ...count('fullyLabeledReplicas', replicas),
      ...count('readyReplicas', ready),
      ...count('availableReplicas', ready),
      observedGeneration: generationOf(object),
    });
  },
};

const statefulSet: StatusRule = {
  watches: ['spec'],
  observed: (object) => {
    const old = objAt(object, 'status');
    const revision = revisionName(object);
    const updated = textAt(old, 'updateRevision') === revision ? (numberAt(old, 'updatedReplicas') ?? 0) : 0;
    return withStatus(object, {
      ...old,
      observedGeneration: generationOf(object),
      replicas: replicasOf(object),
      updatedReplicas: updated,
      currentRevision: textAt(old, 'currentRevision') ?? revision,
      updateRevision: revision,
      collisionCount: 0,
      availableReplicas: numberAt(old, 'availableReplicas') ?? 0,
    });
  },
  settled: (object, { failure }) => {
    const replicas = replicasOf(object);
    const ready = failure === undefined ? replicas : 0;
    const revision = revisionName(object);
    const old = objAt(object, 'status');
    const manual = textAt(object, 'spec', 'updateStrategy', 'type') === 'OnDelete';
    const partition = numberAt(object, 'spec', 'updateStrategy', 'rollingUpdate', 'partition') ?? 0;
    const first = textAt(old, 'currentRevision') === undefined || textAt(old, 'currentRevision') === revision;
    const updated = first ? replicas : manual ? 0 : Math.max(replicas - partition, 0);
    const complete = updated === replicas;
    return withStatus(object, {
      observedGeneration: generationOf(object),
      replicas,
      ...count('readyReplicas', ready),
      availableReplicas: ready,
      ...count('currentReplicas', complete ? replicas : replicas - updated),
      ...count('updatedReplicas', updated),
      currentRevision: complete ? revision : (textAt(old, 'currentRevision') ?? revision),
      updateRevision: revision,
      collisionCount: 0,
    });
  },
};

const daemonSet: StatusRule = {
  watches: ['spec'],
  settled: (object, { failure, store }) => {
    const nodes = Math.max(store.count('/nodes'), 1);
    const ready = failure === undefined ? nodes : 0;
    return withStatus(object, {
      currentNumberScheduled: nodes,
      numberMisscheduled: 0,
      desiredNumberScheduled: nodes,
      numberReady: ready,
      observedGeneration: generationOf(object),
      updatedNumberScheduled: nodes,
      ...count('numberAvailable', ready),
      ...count('numberUnavailable', nodes - ready),
    });
  },
};

const job: StatusRule = {
  watches: ['spec'],
  observed: (object, { now }) => {
    if (textAt(object, 'status', 'completionTime') !== undefined) return object;
    if (objAt(object, 'spec')['suspend'] === true) {
      return withStatus(object, {
        conditions: withCondition(
          listAt(object, 'status', 'conditions'),
          { type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'Job suspended' },
          now,
          ['lastProbeTime'],
        ),
      });
    }
    const active = numberAt(object, 'spec', 'parallelism') ?? 1;
    return withStatus(object, {
      startTime: textAt(object, 'status', 'startTime') ?? now,
      ...count('active', active),
      terminating: 0,
      ready: 0,
      uncountedTerminatedPods: {},
    });
  },
  settled: (object, { now, failure }) => {
    if (objAt(object, 'spec')['suspend'] === true || textAt(object, 'status', 'completionTime') !== undefined)
      return undefined;
    const conditions = listAt(object, 'status', 'conditions').filter(
      (condition) => textAt(condition, 'type') !== 'Suspended',
    );
    if (conditions.length > 0) return undefined;
    const base = {
      startTime: textAt(object, 'status', 'startTime') ?? now,
      terminating: 0,
      ready: 0,
      uncountedTerminatedPods: {},
    };
    if (failure !== undefined) {
      const reason = failure.reason ?? 'BackoffLimitExceeded';
      const failed = withCondition(
        withCondition([], { type: 'FailureTarget', status: 'True', reason, message: failure.message }, now, [
          'lastProbeTime',
        ]),
        { type: 'Failed', status: 'True', reason, message: failure.message },
        now,
        ['lastProbeTime'],
      );
      return withStatus(object, {
        ...base,
        failed: (numberAt(object, 'spec', 'backoffLimit') ?? 6) + 1,
        conditions: failed,
      });
    }
    const text = 'Reached expected number of succeeded pods';
    const done = withCondition(
      withCondition(
        [],
        { type: 'SuccessCriteriaMet', status: 'True', reason: 'CompletionsReached', message: text },
        now,
        ['lastProbeTime'],
      ),
      { type: 'Complete', status: 'True', reason: 'CompletionsReached', message: text },
      now,
      ['lastProbeTime'],
    );
    return withStatus(object, {
      ...base,
      completionTime: now,
      succeeded: numberAt(object, 'spec', 'completions') ?? 1,
      conditions: done,
    });
  },
  ttlSeconds: (object) =>
    listAt(object, 'status', 'conditions').length > 0 ? numberAt(object, 'spec', 'ttlSecondsAfterFinished') : undefined,
};

const pod: StatusRule = {
  watches: ['spec'],
  settled: (object, { now, failure }) => {
    if (['Succeeded', 'Failed'].includes(textAt(object, 'status', 'phase') ?? '')) return undefined;
    const node = textAt(object, 'spec', 'nodeName') ?? 'simulated-node';
    const ends = textAt(object, 'spec', 'restartPolicy') !== 'Always';
    const phase = failure !== undefined && ends ? 'Failed' : ends ? 'Succeeded' : 'Running';
    const ready = phase === 'Running' && failure === undefined;
    const state: Obj =
      failure !== undefined && !ends
        ? { waiting: { reason: failure.reason ?? 'CrashLoopBackOff', message: failure.message } }
        : ends
          ? {
              terminated: {
                exitCode: failure === undefined ? 0 : 1,
                reason: failure === undefined ? 'Completed' : 'Error',
                startedAt: now,
                finishedAt: now,
              },
            }
          : { running: { startedAt: now } };
    const containerStatuses = listAt(object, 'spec', 'containers').map((container): Value => ({
      name: textAt(container, 'name') ?? '',
      image: textAt(container, 'image') ?? '',
      imageID: '',
      ready,
      started: ready,
      restartCount: failure === undefined ? 0 : 1,
      lastState: {},
      state,
    }));
    let conditions: readonly Value[] = listAt(object, 'status', 'conditions');
    for (const type of ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready']) {
      const met = type === 'PodScheduled' || type === 'Initialized' || ready;
      conditions = withCondition(
        conditions,
        {
          type,
          status: met ? 'True' : 'False',
          ...(met ? {} : { reason: ends ? 'PodCompleted' : 'ContainersNotReady' }),
        },
        now,
        ['lastProbeTime'],
      );
    }
    const status = {
      ...objAt(object, 'status'),
      observedGeneration: generationOf(object),
      phase,
      conditions,
      containerStatuses,
      startTime: textAt(object, 'status', 'startTime') ?? now,
      hostIP: '192.0.2.1',
      podIP: '10.244.0.2',
    };
    return withStatus(withAt(object, ['spec', 'nodeName'], node), status);
  },
  specThrough: 'binding',
  release: () => 'delete',
};

function addressOf(object: Obj): string {
  const digest = createHash('sha256')
    .update(textAt(object, 'metadata', 'uid') ?? '')
    .digest();
  return `192.0.2.${1 + ((digest[0] ?? 0) % 254)}`;
}

const service: StatusRule = {
  watches: ['spec'],
  settled: (object) => {
    const wanted = textAt(object, 'spec', 'type') === 'LoadBalancer';
    const status = objAt(object, 'status');
    if (!wanted)
      return listAt(status, 'loadBalancer', 'ingress').length === 0
        ? undefined
        : withStatus(object, { ...status, loadBalancer: {} });
    return withStatus(object, { ...status, loadBalancer: { ingress: [{ ip: addressOf(object), ipMode: 'VIP' }] } });
  },
};

const ingress: StatusRule = {
  watches: ['spec'],
  settled: (object) => withStatus(object, { loadBalancer: { ingress: [{ ip: addressOf(object) }] } }),
};

const claim: StatusRule = {
  watches: ['spec'],
  settled: (object, { failure }) => {
    if (failure !== undefined) return withStatus(object, { phase: 'Lost' });
    const bound = withAt(
      object,
      ['spec', 'volumeName'],
      textAt(object, 'spec', 'volumeName') ?? `pvc-${textAt(object, 'metadata', 'uid') ?? ''}`,
    );
    return withStatus(bound, {
      phase: 'Bound',
      accessModes: textsAt(object, 'spec', 'accessModes'),
      capacity: { storage: objAt(object, 'spec', 'resources', 'requests')['storage'] },
    });
  },
  release: (object) => {
    const finalizers = textsAt(object, 'metadata', 'finalizers').filter(
      (finalizer) => finalizer !== 'kubernetes.io/pvc-protection',
    );
    return withAt(object, ['metadata', 'finalizers'], finalizers.length === 0 ? undefined : finalizers);
  },
};

const volume: StatusRule = {
  watches: ['spec'],
  settled: (object, { now }) =>
    textAt(object, 'status', 'phase') === 'Pending'
      ? withStatus(object, { phase: 'Available', lastPhaseTransitionTime: now })
      : undefined,
  release: (object) => {
    const finalizers = textsAt(object, 'metadata', 'finalizers').filter(
      (finalizer) => finalizer !== 'kubernetes.io/pv-protection',
    );
    return withAt(object, ['metadata', 'finalizers'], finalizers.length === 0 ? undefined : finalizers);
  },
};

const disruptionBudget: StatusRule = {
  watches: ['spec'],
  settled: (object, { now }) =>
    withStatus(object, {
      observedGeneration: generationOf(object),
      disruptionsAllowed: 1,
      currentHealthy: 1,
      desiredHealthy: 0,
      expectedPods: 1,
      conditions: withCondition(
        listAt(object, 'status', 'conditions'),
        {
          type: 'DisruptionAllowed',
          status: 'True',
          reason: 'SufficientPods',
          message: '',
          observedGeneration: generationOf(object),
        },
        now,
      ),
    }),
};

const scaler: StatusRule = {
  watches: ['spec'],
  settled: (object, { now, store }) => {
    const target = objAt(object, 'spec', 'scaleTargetRef');
    const collection = textAt(target, 'kind') === 'StatefulSet' ? 'apps/statefulsets' : 'apps/deployments';
    const workload = store.get(
      collection,
      storeKey(textAt(object, 'metadata', 'namespace') ?? '', textAt(target, 'name') ?? ''),
    );
    let conditions = listAt(object, 'status', 'conditions');
    if (workload === undefined) {
      conditions = withCondition(
        conditions,
        {
          type: 'AbleToScale',
          status: 'False',
          reason: 'FailedGetScale',
          message: `the HPA controller was unable to get the target's current scale: ${collection.slice(5)}.apps "${textAt(target, 'name') ?? ''}" not found`,
        },
        now,
      );
      return withStatus(object, { desiredReplicas: 0, currentMetrics: null, conditions });
    }
    const replicas = replicasOf(workload);
    conditions = withCondition(
      conditions,
      {
        type: 'AbleToScale',
        status: 'True',
        reason: 'ReadyForNewScale',
        message: 'recommended size matches current size',
      },
      now,
    );
    conditions = withCondition(
      conditions,
      {
        type: 'ScalingActive',
        status: 'True',
        reason: 'ValidMetricFound',
        message:
          'the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)',
      },
      now,
    );
    return withStatus(object, {
      currentReplicas: replicas,
      desiredReplicas: replicas,
      currentMetrics: null,
      conditions,
    });
  },
};

const quota: StatusRule = {
  watches: ['spec'],
  settled: (object) => {
    const hard = objAt(object, 'spec', 'hard');
    const used = Object.fromEntries(
      Object.keys(hard).map((key) => [key, textAt(object, 'status', 'used', key) ?? '0']),
    );
    return withStatus(object, { hard, used });
  },
};

const apiService: StatusRule = {
  watches: ['spec'],
  settled: (object, { now, store }) => {
    const reference = objAt(object, 'spec')['service'];
    if (!isObj(reference)) return undefined;
    const key = storeKey(textAt(reference, 'namespace') ?? '', textAt(reference, 'name') ?? '');
    const found = store.get('/services', key) !== undefined;
    const condition = found
      ? { type: 'Available', status: 'True', reason: 'Passed', message: 'all checks passed' }
      : {
          type: 'Available',
          status: 'False',
          reason: 'ServiceNotFound',
          message: `service/${textAt(reference, 'name') ?? ''} in ${JSON.stringify(textAt(reference, 'namespace') ?? '')} is not present`,
        };
    return withStatus(object, { conditions: withCondition(listAt(object, 'status', 'conditions'), condition, now) });
  },
};

/** The rules by collection of the store. */
export const STATUS_RULES: Readonly<Record<string, StatusRule>> = {
  'apps/deployments': deployment,
  'apps/replicasets': replicaSet,
  'apps/statefulsets': statefulSet,
  'apps/daemonsets': daemonSet,
  '/replicationcontrollers': replicaSet,
  'batch/jobs': job,
  '/pods': pod,
  '/services': service,
  'networking.k8s.io/ingresses': ingress,
  '/persistentvolumeclaims': claim,
  '/persistentvolumes': volume,
  'policy/poddisruptionbudgets': disruptionBudget,
  'autoscaling/horizontalpodautoscalers': scaler,
  '/resourcequotas': quota,
  'apiregistration.k8s.io/apiservices': apiService,
};
