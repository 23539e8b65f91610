// SPDX-License-Identifier: Apache-2.0
export { createTestLog, ledgerTemplate, type TestLog, type TestLogOptions } from './test-log.js';
