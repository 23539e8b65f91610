// SPDX-License-Identifier: Apache-2.0
export { PolicyModule } from './policy.module.js';
