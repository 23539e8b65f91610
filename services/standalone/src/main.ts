// SPDX-License-Identifier: Apache-2.0
import { progress } from './progress.js';

// Before the services are loaded, which takes a second or more.
progress('Plumbline starts: loading the services');
const { run } = await import('./run.js');
await run();
