// SPDX-License-Identifier: Apache-2.0
import { runService } from '@plumbline/platform';
import { PolicyModule } from './policy.module.js';

await runService({ module: PolicyModule, name: 'policy' });
