// SPDX-License-Identifier: Apache-2.0
import 'reflect-metadata';
import { allOperations } from '@plumbline/api-contract';
import { describe, expect, it } from 'vitest';
import { GatewayModule } from './gateway.module.js';
import { operationOf } from './operations/operation.js';

/** Controllers of a module and of the modules that it imports. */
function controllersOf(module: object): ReadonlySet<{ readonly prototype: object }> {
  const own = (Reflect.getMetadata('controllers', module) ?? []) as readonly { readonly prototype: object }[];
  const imported = (Reflect.getMetadata('imports', module) ?? []) as readonly object[];
  return new Set([...own, ...imported.flatMap((next) => [...controllersOf(next)])]);
}

describe('the controllers of the gateway', () => {
  it('serve every operation of the contract by exactly one method', () => {
    const served = [...controllersOf(GatewayModule)].flatMap(({ prototype }) =>
      Object.values(Object.getOwnPropertyDescriptors(prototype)).flatMap(({ value }: PropertyDescriptor) =>
        typeof value === 'function' ? (operationOf(value)?.id ?? []) : [],
      ),
    );
    expect(served.sort()).toEqual(allOperations.map(({ id }) => id).sort());
  });
});
