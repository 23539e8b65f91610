// SPDX-License-Identifier: Apache-2.0
import { runService } from '@plumbline/platform';
import { GatewayModule } from './gateway.module.js';

await runService({ module: GatewayModule, name: 'gateway' });
