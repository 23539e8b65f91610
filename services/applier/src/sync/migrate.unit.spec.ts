// SPDX-License-Identifier: Apache-2.0
import type { ManagedFieldsEntry } from '@plumbline/kube';
import { expect, it } from 'vitest';
import { unionOf, withoutClientSide } from './migrate.js';

const leaf = {};
const ours: ManagedFieldsEntry = { manager: 'plumbline', operation: 'Apply', fieldsV1: { 'f:data': { 'f:a': leaf } } };
const kubectl: ManagedFieldsEntry = {
  manager: 'kubectl-client-side-apply',
  operation: 'Update',
  fieldsV1: { 'f:data': { 'f:a': leaf, 'f:b': leaf }, 'f:metadata': { 'f:annotations': { '.': leaf } } },
};
const editor: ManagedFieldsEntry = {
  manager: 'kubectl-edit',
  operation: 'Update',
  fieldsV1: { 'f:data': { 'f:c': leaf } },
};
const status: ManagedFieldsEntry = {
  manager: 'kubectl-client-side-apply',
  operation: 'Update',
  subresource: 'status',
  fieldsV1: { 'f:status': leaf },
};

it('gives the fields of kubectl apply to us, and leaves editors and subresources alone', () => {
  expect(withoutClientSide([kubectl, editor, ours, status])).toEqual([
    editor,
    { ...ours, fieldsV1: { 'f:data': { 'f:a': leaf, 'f:b': leaf }, 'f:metadata': { 'f:annotations': { '.': leaf } } } },
    status,
  ]);
});

it('has nothing to do without kubectl apply, or where we own nothing', () => {
  expect(withoutClientSide([ours, editor])).toBeUndefined();
  expect(withoutClientSide([kubectl, editor])).toBeUndefined();
});

it('unites tries without changing them', () => {
  const a = { x: { y: leaf } };
  expect(unionOf(a, { x: { z: leaf }, w: leaf })).toEqual({ x: { y: leaf, z: leaf }, w: leaf });
  expect(a).toEqual({ x: { y: leaf } });
});
