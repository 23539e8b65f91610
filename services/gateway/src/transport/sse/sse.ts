// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { publicEvent } from '@plumbline/events';
import type { StreamStep } from '../../events/events.service.js';

const FRAMES = { CaughtUp: 'caught-up', FellBehind: 'fell-behind', Draining: 'draining' } as const;

/**
 * One step of a stream as server-sent events: the events, else what the stream tells of itself, else the progress
 * that was made, else a sign of life.
 */
export function sseText(step: StreamStep, shownPosition: number): string {
  const id = (position: number): string => step.tokens?.get(position) ?? String(position);
  if (step.events.length > 0)
    return step.events
      .map((event) => `id: ${id(event.position)}\nevent: event\ndata: ${JSON.stringify(publicEvent(event))}\n\n`)
      .join('');
  if (step.frame !== undefined) {
    // A position says nothing new here; a token lets a reader resume that has seen no event yet.
    const line = step.tokens === undefined ? '' : `id: ${id(step.position)}\n`;
    return `${line}event: ${FRAMES[step.frame]}\ndata: ${JSON.stringify({ position: step.position })}\n\n`;
  }
  return step.position > shownPosition ? `id: ${id(step.position)}\nevent: progress\ndata: {}\n\n` : ': alive\n\n';
}

/**
 * Writes steps to a response as fast as its reader takes them: while the socket is full nothing more is read from the
 * log,
 * so a slow reader holds one step in memory and no more.
 */
export async function writeSse(
  response: ServerResponse,
  steps: AsyncGenerator<StreamStep>,
  signal: AbortSignal,
): Promise<void> {
  let shown = -1;
  for await (const step of steps) {
    if (signal.aborted) return;
    const flowing = response.write(sseText(step, shown));
    shown = Math.max(shown, step.position);
    if (!flowing) await once(response, 'drain', { signal });
  }
}
