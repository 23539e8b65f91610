// SPDX-License-Identifier: Apache-2.0
export { deciderSpec, type Decider, type Given, type Outcome } from './decider-spec.js';
export { describeWith } from './describe-with.js';
