// SPDX-License-Identifier: Apache-2.0
import 'reflect-metadata';
import { allOperations } from '@plumbline/api-contract';
import { expect, it } from 'vitest';
import { servedOperations } from './controllers.js';

it('serves every operation of the contract by exactly one method of a controller', () => {
  const ids = (operations: typeof allOperations): readonly string[] => operations.map(({ id }) => id).sort();
  expect(ids(servedOperations())).toEqual(ids(allOperations));
});
