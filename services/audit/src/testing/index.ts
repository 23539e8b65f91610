// SPDX-License-Identifier: Apache-2.0
export {
  type AuditOptions,
  composeAudit,
  type ComposedAudit,
  type RunningAudit,
  silent,
  startAudit,
} from './test-audit.js';
export { callers, credentialOf, SERVICES_KEY, TOKEN, verifier } from './test-credentials.js';
export { createTestLog, ledgerTemplate, type TestLog, type TestLogOptions } from './test-log.js';
