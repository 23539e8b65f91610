// SPDX-License-Identifier: Apache-2.0
export {
  type AuditOptions,
  composeAudit,
  type ComposedAudit,
  type RunningAudit,
  silent,
  startAudit,
  TOKEN,
} from './test-audit.js';
export { createTestLog, ledgerTemplate, type TestLog, type TestLogOptions } from './test-log.js';
