// SPDX-License-Identifier: Apache-2.0
import type { Obj } from '../value.js';
import type { Resource } from './resource.js';

const views = new WeakMap<Obj, Map<string, Obj>>();

/** How a resource shows stored objects: as they are, or in the version that is asked for. */
export function viewer(resource: Resource): (object: Obj) => Obj {
  return (object) => {
    if (object['apiVersion'] === resource.apiVersion) return object;
    let known = views.get(object);
    if (known === undefined) views.set(object, (known = new Map()));
    let view = known.get(resource.apiVersion);
    if (view === undefined) known.set(resource.apiVersion, (view = { ...object, kind: resource.kind, apiVersion: resource.apiVersion }));
    return view;
  };
}
