// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { sourceFiles, textOf } from './workspace.js';

/** Code that decides what is selected or allowed, or how old a cause may be, outside of the one place for it. */
const COPIES: readonly { readonly rule: string; readonly place: string; readonly pattern: RegExp }[] = [
  {
    rule: 'a comparison of labels with a selector',
    place: 'libs/events/src/selection.ts',
    pattern: /labels\[\w+\] === |Object\.entries\(.*matchLabels/,
  },
  {
    rule: 'a pattern with a star',
    place: 'libs/events/src/selection.ts',
    pattern: /(ends|starts)With\('\*'\)|includes\('\*'\)|=== '\*'/,
  },
  {
    rule: 'a list of a project',
    place: 'libs/events/src/selection.ts',
    pattern: /project\??\.(spec\??\.)?(repositories|clusters|namespaces|forbiddenKinds)\b/,
  },
  {
    rule: 'the time of a derived request id',
    place: 'libs/core/src/ids.ts',
    pattern: /derivedId\(\s*(Math\.|Date\.parse|.*\? )/,
  },
];

/** Selectors of Kubernetes objects select objects, not clusters. */
const OTHER_SELECTORS = /^(libs\/kube|libs\/testkit)\/|^services\/applier\/src\/domain\/references\.ts$/;

const sources = sourceFiles().filter(
  (file) =>
    /^(libs|services|cli|demo)\//.test(file) &&
    !/\.(spec|fixture)\.ts$|\/testing\//.test(file) &&
    !OTHER_SELECTORS.test(file),
);

describe('selection and permission', () => {
  it.each(COPIES)('are decided in one place: $rule is only in $place', ({ place, pattern }) => {
    expect(textOf(place)).not.toBe('');
    expect(sources.filter((file) => file !== place && pattern.test(textOf(file)))).toEqual([]);
  });
});
