// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { UpstreamError } from '@plumbline/core';
import type { ApiResource, KubeObject } from '@plumbline/kube';
import { definedKind, valueAt } from '../domain/references.js';
import type { SyncTools } from './tools.js';

const POLL_MS = 50;

/** What a gate needs to know of its run. */
export interface GateOptions {
  readonly superseded: () => boolean;
}

function isEstablished(definition: KubeObject): boolean {
  const conditions = valueAt(definition, 'status', 'conditions');
  return (
    Array.isArray(conditions) &&
    conditions.some(
      (condition) => valueAt(condition, 'type') === 'Established' && valueAt(condition, 'status') === 'True',
    )
  );
}

/**
 * Waits until a CustomResourceDefinition is established and its kinds are in discovery.
 * @throws UpstreamError PLB-6511 when that does not happen in time.
 */
export async function untilServed(
  tools: SyncTools,
  resource: ApiResource,
  applied: KubeObject,
  options: GateOptions,
): Promise<void> {
  const { client, cache } = tools.session;
  const { name } = applied.metadata;
  const untilMs = tools.clock.nowMs() + tools.limits.gateMs;
  const kind = definedKind(applied)?.split('/').at(-1) ?? '';
  const group = String(valueAt(applied, 'spec', 'group') ?? '');
  let definition: KubeObject | undefined = applied;
  for (;;) {
    if (definition !== undefined && isEstablished(definition)) {
      client.discovery.invalidate();
      const versions = valueAt(definition, 'spec', 'versions');
      const served = Array.isArray(versions)
        ? versions
            .filter((version) => valueAt(version, 'served') !== false)
            .map((version) => String(valueAt(version, 'name')))
        : [];
      const lookups = await Promise.all(
        served.map((version) => client.discovery.resourceFor(`${group}/${version}`, kind)),
      );
      if (lookups.every((lookup) => 'found' in lookup)) {
        // A watch from before the definition came back has given up on the kind; objects that went with it are missed by a new one.
        if (!cache.isLive(`${group}/${kind}//`)) await cache.forget(`${group}/${kind}`);
        const [first] = lookups;
        if (first !== undefined && 'found' in first) void cache.watch(first.found, tools.limits.watchMs);
        return;
      }
    }
    if (options.superseded()) return;
    if (tools.clock.nowMs() >= untilMs) {
      throw new UpstreamError(
        'PLB-6511',
        `CustomResourceDefinition ${name} was applied but is not established and served after ${tools.limits.gateMs / 1000} s: look at its conditions`,
      );
    }
    await delay(POLL_MS);
    definition = await client.get(resource, undefined, name);
  }
}
