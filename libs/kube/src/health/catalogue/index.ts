// SPDX-License-Identifier: Apache-2.0
import type { HealthRule } from '../health-rule.js';
import { apiService, customResourceDefinition, namespace } from './api.js';
import { cronJob, job } from './batch.js';
import { ingress, service } from './network.js';
import { pod } from './pods.js';
import { horizontalPodAutoscaler, podDisruptionBudget } from './policy.js';
import { persistentVolume, persistentVolumeClaim } from './storage.js';
import { daemonSet, deployment, replicaSet, statefulSet } from './workloads.js';

/** The rule of each kind that has one, by `group/Kind`; the version does not matter. */
export const catalogue: ReadonlyMap<string, HealthRule> = new Map([
  ['/Namespace', namespace],
  ['/PersistentVolume', persistentVolume],
  ['/PersistentVolumeClaim', persistentVolumeClaim],
  ['/Pod', pod],
  ['/ReplicationController', replicaSet],
  ['/Service', service],
  ['apiextensions.k8s.io/CustomResourceDefinition', customResourceDefinition],
  ['apiregistration.k8s.io/APIService', apiService],
  ['apps/DaemonSet', daemonSet],
  ['apps/Deployment', deployment],
  ['apps/ReplicaSet', replicaSet],
  ['apps/StatefulSet', statefulSet],
  ['autoscaling/HorizontalPodAutoscaler', horizontalPodAutoscaler],
  ['batch/CronJob', cronJob],
  ['batch/Job', job],
  ['extensions/Ingress', ingress],
  ['networking.k8s.io/Ingress', ingress],
  ['policy/PodDisruptionBudget', podDisruptionBudget],
]);
