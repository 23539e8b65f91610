// SPDX-License-Identifier: Apache-2.0
import { canonicalJson } from '@plumbline/core';
import { expect, it } from 'vitest';
import { eventLogContract } from '../testing/event-log.contract.js';
import { projectDeclared, sampleAppend } from '../testing/sample-events.js';
import { MemoryEventLog } from './memory-event-log.js';

eventLogContract('memory', async () => ({ log: new MemoryEventLog(), [Symbol.asyncDispose]: async () => undefined }));

it('stores the canonical text: parsing and canonicalising it again gives the same bytes', async () => {
  const log = new MemoryEventLog();
  await log.append(sampleAppend('project-web', { events: [projectDeclared('web', '\u0007 "é" 𝄞 \u2028 </script>')] }));
  const body = log.bodyAt(0) ?? '';
  expect(canonicalJson(JSON.parse(body))).toBe(body);
});
