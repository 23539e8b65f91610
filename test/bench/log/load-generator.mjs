// SPDX-License-Identifier: Apache-2.0
// Ticks at a rate from a thread of its own: a timer of the measured thread is a millisecond late by itself.
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

/**
 * Calls with 0, 1, 2, … when each is due; resolves after the last call. The time of tick n is `startedAt + n ×
 * everyMs` by `performance.timeOrigin + performance.now()`.
 */
export function generateLoad({ everyMs, ticks }, onTick) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url));
    let next = 0;
    worker.on('error', reject);
    worker.on('message', ({ due, startedAt }) => {
      // A tick that comes late brings all that are due with it.
      for (; next <= due; next += 1) onTick(next, startedAt + next * everyMs);
      if (next < ticks) return;
      void worker.terminate();
      resolve();
    });
    worker.postMessage({ everyMs, ticks });
  });
}

if (!isMainThread) {
  parentPort.once('message', ({ everyMs, ticks }) => {
    const sleeper = new Int32Array(new SharedArrayBuffer(4));
    const now = () => performance.timeOrigin + performance.now();
    const startedAt = now() + 5;
    for (let due = 0; due < ticks; due += 1) {
      const leftMs = startedAt + due * everyMs - now();
      if (leftMs > 0) Atomics.wait(sleeper, 0, 0, leftMs);
      parentPort.postMessage({ due, startedAt });
    }
  });
}
