// SPDX-License-Identifier: Apache-2.0
export { startTestService } from './test-service.js';
export type { TestService, TestServiceOptions } from './test-service.js';
