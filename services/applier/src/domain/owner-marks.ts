// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import type { TargetId } from '@plumbline/core';
import type { KubeObject, ObjectMeta } from '@plumbline/kube';

/** Label on every object that we own; its value is a hash of installation and target, so it fits 63 characters. */
export const TARGET_LABEL = 'plumbline.dev/target';
/**
 * Annotation on every object that we own: `installation/target:key`. It names the object that carries it, so copies
 * do not count.
 */
export const OWNER_ANNOTATION = 'plumbline.dev/owner';

/** The owner that an object names. */
export interface OwnerMark {
  readonly installation: string;
  readonly target: string;
  readonly key: string;
}

/** Value of {@link TARGET_LABEL}. */
export function targetLabel(installation: string, target: TargetId): string {
  return createHash('sha256').update(`${installation}/${target}`).digest('hex').slice(0, 32);
}

/** Parses the annotation; undefined if it is absent or has another format. */
export function parseOwner(annotation: string | undefined): OwnerMark | undefined {
  if (annotation === undefined) return undefined;
  const match = /^([^/]+)\/([^/:]+\/[^/:]+\/[^/:]+\/[^/:]+):(.+)$/.exec(annotation);
  return match === null ? undefined : { installation: match[1] ?? '', target: match[2] ?? '', key: match[3] ?? '' };
}

/** The marks of one target. */
export class Marks {
  readonly label: string;

  constructor(
    readonly installation: string,
    readonly target: TargetId,
  ) {
    this.label = targetLabel(installation, target);
  }

  annotationFor(key: string): string {
    return `${this.installation}/${this.target}:${key}`;
  }

  /** Returns the object with our label and annotation, and with its effective namespace. */
  mark(object: KubeObject, key: string, namespace: string | undefined): KubeObject {
    const { namespace: _, ...rest } = object.metadata;
    const metadata: ObjectMeta = {
      ...rest,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...rest.labels, [TARGET_LABEL]: this.label },
      annotations: { ...rest.annotations, [OWNER_ANNOTATION]: this.annotationFor(key) },
    };
    return { ...object, metadata };
  }

  /** Returns true if the metadata carries both marks of the target for the key. */
  isOn(metadata: ObjectMeta, key: string): boolean {
    return (
      metadata.labels?.[TARGET_LABEL] === this.label &&
      metadata.annotations?.[OWNER_ANNOTATION] === this.annotationFor(key)
    );
  }
}

/** Returns the owner that an object names for its own key; a copied annotation names another key and does not count. */
export function ownerOf(annotation: string | undefined, key: string): OwnerMark | undefined {
  const owner = parseOwner(annotation);
  return owner?.key === key ? owner : undefined;
}

const KEEP: readonly { readonly annotation: string; readonly keeps: (value: string) => boolean }[] = [
  { annotation: 'plumbline.dev/prune', keeps: (value) => value === 'disabled' },
  { annotation: 'kustomize.toolkit.fluxcd.io/prune', keeps: (value) => value === 'disabled' },
  {
    annotation: 'argocd.argoproj.io/sync-options',
    keeps: (value) => value.split(',').some((option) => /^(Prune|Delete)=false$/.test(option.trim())),
  },
  { annotation: 'helm.sh/resource-policy', keeps: (value) => value === 'keep' },
  { annotation: 'client.lifecycle.config.k8s.io/deletion', keeps: (value) => value === 'detach' },
  { annotation: 'cli-utils.sigs.k8s.io/on-remove', keeps: (value) => value === 'keep' },
];
const SYSTEM_NAMESPACES = new Set(['default', 'kube-system', 'kube-public', 'kube-node-lease']);

/**
 * Returns why a live object must not be deleted, or undefined. The rendered object no longer exists when it is
 * pruned.
 */
export function protectionOf(object: KubeObject): string | undefined {
  if (object.kind === 'Namespace' && object.apiVersion === 'v1' && SYSTEM_NAMESPACES.has(object.metadata.name)) {
    return `namespace ${object.metadata.name} belongs to the cluster`;
  }
  const annotations = object.metadata.annotations ?? {};
  for (const { annotation, keeps } of KEEP) {
    const value = annotations[annotation];
    if (value !== undefined && keeps(value)) return `annotation ${annotation}: ${value}`;
  }
  return undefined;
}
