// SPDX-License-Identifier: Apache-2.0
export { ApplierModule } from './applier.module.js';
