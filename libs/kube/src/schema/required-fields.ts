// SPDX-License-Identifier: Apache-2.0

/**
 * Built-in types say in OpenAPI which fields Go always writes, not which ones the API server insists on:
 * `RoleRef.apiGroup` is filled in,
 * a `PriorityClass` without `value` is 0. These it does insist on, in every version; the differential spec holds them
 * against the server.
 */
const INSISTED: Readonly<Record<string, readonly string[]>> = {
  'apps.DaemonSetSpec': ['selector', 'template'],
  'apps.DeploymentSpec': ['selector', 'template'],
  'apps.ReplicaSetSpec': ['selector'],
  'apps.StatefulSetSpec': ['selector', 'template'],
  'autoscaling.CrossVersionObjectReference': ['kind', 'name'],
  'autoscaling.HorizontalPodAutoscalerSpec': ['maxReplicas', 'scaleTargetRef'],
  'batch.CronJobSpec': ['jobTemplate', 'schedule'],
  'batch.JobSpec': ['template'],
  'core.ConfigMapKeySelector': ['key'],
  'core.Container': ['name'],
  'core.ContainerPort': ['containerPort'],
  'core.EnvVar': ['name'],
  'core.HTTPGetAction': ['port'],
  'core.KeyToPath': ['key', 'path'],
  'core.PodSpec': ['containers'],
  'core.SecretKeySelector': ['key'],
  'core.ServicePort': ['port'],
  'core.TCPSocketAction': ['port'],
  'core.Volume': ['name'],
  'core.VolumeMount': ['mountPath', 'name'],
  'networking.HTTPIngressPath': ['backend', 'pathType'],
  'networking.HTTPIngressRuleValue': ['paths'],
  'networking.IngressServiceBackend': ['name'],
  'rbac.PolicyRule': ['verbs'],
  'rbac.RoleRef': ['kind', 'name'],
  'rbac.Subject': ['kind', 'name'],
};

/** The fields of a published type (`io.k8s.api.core.v1.Container`) that the API server insists on. */
export function insistedFields(component: string): readonly string[] {
  const match = /^io\.k8s\.api\.(\w+)\.v\w+\.(\w+)$/.exec(component);
  return match === null ? [] : (INSISTED[`${match[1]}.${match[2]}`] ?? []);
}
