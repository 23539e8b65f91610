// SPDX-License-Identifier: Apache-2.0
export { addSchemaVersion } from '../upcasters.js';
