// SPDX-License-Identifier: Apache-2.0
import {
  isEmptyValue,
  type MutableObj,
  numberAt,
  type Obj,
  objAt,
  textAt,
  type Value,
  valueAt,
  withAt,
} from '../value.js';
import type { Resource } from '../resource.js';

/** Both ways between the version that a kind is stored in and another one. */
interface Conversion {
  readonly fromStored: (object: Obj) => Obj;
  readonly toStored: (object: Obj) => Obj;
}

const OTHER_METRICS = 'autoscaling.alpha.kubernetes.io/metrics';

function isCpu(metric: Value): boolean {
  return (
    textAt(metric, 'type') === 'Resource' &&
    textAt(metric, 'resource', 'name') === 'cpu' &&
    valueAt(metric, 'resource', 'target', 'averageUtilization') !== undefined
  );
}

/** autoscaling/v1 knows one metric, the use of the CPU; what else there is travels in annotations. */
const scalerV1: Conversion = {
  fromStored: (object) => {
    const { metrics, behavior: _, ...spec } = objAt(object, 'spec');
    const all = Array.isArray(metrics) ? metrics : [];
    const cpu: Value | undefined = all.find(isCpu);
    const others = all.filter((metric: Value) => !isCpu(metric));
    const target = numberAt(cpu, 'resource', 'target', 'averageUtilization');
    const { conditions: __, currentMetrics: ___, ...status } = objAt(object, 'status');
    const converted: Obj = {
      ...object,
      spec: { ...spec, ...(target === undefined ? {} : { targetCPUUtilizationPercentage: target }) },
      status: { currentReplicas: 0, desiredReplicas: 0, ...status },
    };
    return others.length === 0
      ? converted
      : withAt(converted, ['metadata', 'annotations', OTHER_METRICS], JSON.stringify(others));
  },
  toStored: (object) => {
    const { targetCPUUtilizationPercentage: target, ...spec } = objAt(object, 'spec');
    const cpu: Value[] =
      typeof target === 'number'
        ? [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: target } } }]
        : [];
    const metrics = [...othersOf(object), ...cpu];
    const fallback: Value[] = [
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
    ];
    const annotations =
      objAt(object, 'metadata', 'annotations')[OTHER_METRICS] === undefined
        ? object
        : withAt(object, ['metadata', 'annotations', OTHER_METRICS], undefined);
    return {
      ...annotations,
      spec: { ...spec, metrics: metrics.length === 0 ? fallback : metrics },
      status: { currentMetrics: null, ...withoutEmpty(objAt(object, 'status'), ['currentReplicas']) },
    };
  },
};

function withoutEmpty(object: Obj, keys: readonly string[]): Obj {
  return Object.fromEntries(
    Object.entries(object).filter(([key, value]) => !keys.includes(key) || !isEmptyValue(value)),
  );
}

function othersOf(object: Obj): readonly Value[] {
  const text = textAt(object, 'metadata', 'annotations', OTHER_METRICS);
  try {
    const parsed: Value = text === undefined ? [] : JSON.parse(text);
    return Array.isArray(parsed) ? parsed : [];
  } catch {
    // An annotation that somebody wrote by hand: the server ignores it too.
    return [];
  }
}

function renamed(object: Obj, names: readonly (readonly [string, string])[]): Obj {
  const out: MutableObj = { ...object };
  for (const [from, to] of names) {
    const value = out[from];
    delete out[from];
    if (value !== undefined) out[to] = value;
  }
  return out;
}

const EVENT_NAMES = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
] as const;

/** events.k8s.io/v1 is the core Event under other names. */
const event: Conversion = {
  fromStored: (object) => withoutEmpty(renamed(object, EVENT_NAMES), ['reportingController', 'reportingInstance']),
  toStored: (object) =>
    renamed(
      object,
      EVENT_NAMES.map(([core, own]) => [own, core] as const),
    ),
};

const CONVERSIONS: Readonly<Record<string, Conversion>> = {
  'autoscaling/v1/HorizontalPodAutoscaler': scalerV1,
  'events.k8s.io/v1/Event': event,
};

/** What objects of a resource's collection are stored as: kind and API version. */
function storedForm(resource: Resource): { readonly kind: string; readonly apiVersion: string } {
  return resource.collection === '/events'
    ? { kind: 'Event', apiVersion: 'v1' }
    : { kind: resource.kind, apiVersion: resource.storageVersion };
}

/**
 * An object in the form of the store. Custom resources stay in the version of their last writer: all versions share
 * one form.
 */
export function toStored(resource: Resource, object: Obj): Obj {
  const conversion = CONVERSIONS[`${resource.apiVersion}/${resource.kind}`];
  return conversion === undefined ? object : { ...conversion.toStored(object), ...storedForm(resource) };
}

const views = new WeakMap<Obj, Map<string, Obj>>();

/** How a resource shows stored objects: as they are, or in the version that is asked for. */
export function viewer(resource: Resource): (object: Obj) => Obj {
  return (object) => {
    if (object['apiVersion'] === resource.apiVersion) return object;
    let known = views.get(object);
    if (known === undefined) views.set(object, (known = new Map()));
    let view = known.get(resource.apiVersion);
    if (view === undefined) known.set(resource.apiVersion, (view = converted(resource, object)));
    return view;
  };
}

function converted(resource: Resource, object: Obj): Obj {
  const conversion = CONVERSIONS[`${resource.apiVersion}/${resource.kind}`];
  const { kind: _, apiVersion: __, ...rest } = conversion === undefined ? object : conversion.fromStored(object);
  return { kind: resource.kind, apiVersion: resource.apiVersion, ...rest };
}
