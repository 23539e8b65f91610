// SPDX-License-Identifier: Apache-2.0
export { InProcessPublisher } from './in-process-publisher.js';
export type { MessageListener } from './in-process-publisher.js';
export { InProcessTransport } from './in-process-transport.js';
export type { InProcessTransportOptions } from './in-process-transport.js';
