// SPDX-License-Identifier: Apache-2.0
export { WatcherModule } from './watcher.module.js';
