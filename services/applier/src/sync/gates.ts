// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { UpstreamError } from '@plumbline/core';
import type { ApiResource, KubeObject } from '@plumbline/kube';
import { definedKind, valueAt } from '../domain/references.js';
import type { SyncTools } from './tools.js';

const POLL_MS = 50;

/** State of the run that waits at a gate. */
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
 * Resolves when a CustomResourceDefinition is established and its kinds are in discovery.
 * @throws UpstreamError PLB-6511 if that takes longer than `gateMs`
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
        // A watch that began before the definition was created again has stopped; a new one lists the objects that
        // exist now.
        if (!cache.isLive(`${group}/${kind}//`)) await cache.unwatch(`${group}/${kind}`);
        const [first] = lookups;
        if (first !== undefined && 'found' in first) void cache.watch(first.found, tools.limits.watchMs);
        return;
      }
    }
    if (options.superseded()) return;
    if (tools.clock.nowMs() >= untilMs) {
      throw new UpstreamError(
        'PLB-6511',
        `CustomResourceDefinition ${name} was applied, but is not established and served after ${tools.limits.gateMs / 1000} s; see its status conditions`,
      );
    }
    await delay(POLL_MS);
    definition = await client.get(resource, undefined, name);
  }
}
