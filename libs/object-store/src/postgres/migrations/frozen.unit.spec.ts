// SPDX-License-Identifier: Apache-2.0
import { Digest } from '@plumbline/core';
import { expect, it } from 'vitest';
import { content0001 } from './0001-content.js';

it.each([['0001-content', content0001, 'sha256:8e553bc9f6ceca1fa14df3bf15a77fd72b91abac218fb610450a9f3935b509df']])(
  '%s is as it was released: a change is a new migration',
  (_name, text, digest) => {
    expect(Digest.of(text)).toBe(digest);
  },
);
