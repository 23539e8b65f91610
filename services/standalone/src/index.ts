// SPDX-License-Identifier: Apache-2.0
export { startStandalone } from './standalone.js';
export type { Standalone, StandaloneOptions } from './standalone.js';
