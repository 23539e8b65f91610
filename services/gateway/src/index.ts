// SPDX-License-Identifier: Apache-2.0
export { GatewayModule } from './gateway.module.js';
