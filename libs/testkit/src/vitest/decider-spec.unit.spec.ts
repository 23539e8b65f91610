// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { deciderSpec } from './decider-spec.js';

const given = deciderSpec<number, 'add' | 'reset' | 'break', number>({
  initialState: 0,
  decide: (state, command) => {
    if (command === 'break') throw new Error('no');
    return command === 'add' ? [state + 1] : state === 0 ? [] : [0];
  },
  evolve: (_, event) => event,
});

it('folds the history before it decides', () => {
  given(1, 2).when('add').then(3);
  given().when('reset').thenNothing();
  given()
    .when('break')
    .thenThrows((error) => expect(error).toMatchObject({ message: 'no' }));
});

it('fails when the events are others', () => {
  expect(() => given(1).when('add').then(7)).toThrow();
  expect(() => given(1).when('add').thenNothing()).toThrow();
  expect(() =>
    given(1)
      .when('add')
      .thenThrows(() => undefined),
  ).toThrow(/was accepted/);
});
