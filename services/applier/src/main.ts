// SPDX-License-Identifier: Apache-2.0
import { runService } from '@plumbline/platform';
import { ApplierModule } from './applier.module.js';

await runService({ module: ApplierModule, name: 'applier' });
