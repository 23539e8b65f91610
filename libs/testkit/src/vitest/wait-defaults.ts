// SPDX-License-Identifier: Apache-2.0
// Set-up file of every project: vitest has no setting for the limit of `vi.waitFor` and `vi.waitUntil`, which is one
// second by default and too short for a machine that is busy.
import { vi } from 'vitest';
import { WAIT_LIMIT_MS } from '../polling.js';

type Wait = (check: never, options?: number | { readonly timeout?: number; readonly interval?: number }) => unknown;

const HAS_LIMIT = Symbol.for('plumbline.testkit.hasWaitLimit');

/** Adds the limit to the options of a wait, unless the caller sets one. */
function withLimit<Original extends Wait>(wait: Original): Original {
  // Files of one worker share `vi`.
  if (HAS_LIMIT in wait) return wait;
  const limited: Wait = (check, options) =>
    wait(check, typeof options === 'number' ? options : { timeout: WAIT_LIMIT_MS, interval: 20, ...options });
  return Object.assign(limited, { [HAS_LIMIT]: true }) as unknown as Original;
}

vi.waitFor = withLimit(vi.waitFor);
vi.waitUntil = withLimit(vi.waitUntil);
