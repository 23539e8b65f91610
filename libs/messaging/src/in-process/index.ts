// SPDX-License-Identifier: Apache-2.0
export { InProcessBus } from './in-process-bus.js';
export type { InProcessBusOptions, InProcessMessage, InProcessQueue } from './in-process-bus.js';
export { InProcessServer } from './in-process-server.js';
export type { InProcessServerOptions } from './in-process-server.js';
