// SPDX-License-Identifier: Apache-2.0
import { runService } from '@plumbline/platform';
import { WatcherModule } from './watcher.module.js';

await runService({ module: WatcherModule, name: 'watcher' });
