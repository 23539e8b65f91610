// SPDX-License-Identifier: Apache-2.0
import { runService } from '@plumbline/platform';
import { AuditModule } from './index.js';

await runService({ module: AuditModule, name: 'audit' });
