// SPDX-License-Identifier: Apache-2.0
export { AuditModule } from './audit.module.js';
