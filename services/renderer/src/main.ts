// SPDX-License-Identifier: Apache-2.0
import { runService } from '@plumbline/platform';
import { RendererModule } from './renderer.module.js';

await runService({ module: RendererModule, name: 'renderer' });
