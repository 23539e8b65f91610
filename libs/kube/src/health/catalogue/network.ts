// SPDX-License-Identifier: Apache-2.0
import { listAt, stringAt } from '../fields.js';
import type { HealthRule } from '../health-rule.js';
import { healthy, progressing } from './verdict.js';

function addressOf(entry: unknown): string {
  return stringAt(entry, 'hostname') ?? stringAt(entry, 'ip') ?? '';
}

export const service: HealthRule = (object, { expectAddresses = true }) => {
  if (stringAt(object, 'spec', 'type') !== 'LoadBalancer' || !expectAddresses) return healthy('exists', 'Exists');
  const addresses = listAt(object, 'status', 'loadBalancer', 'ingress').map(addressOf);
  return addresses.length > 0
    ? healthy(`is reached at ${addresses.join(', ')}`)
    : progressing('NoAddress', 'the load balancer has no address yet');
};

export const ingress: HealthRule = (object, { expectAddresses = true }) => {
  if (!expectAddresses) return healthy('exists', 'Exists');
  const addresses = listAt(object, 'status', 'loadBalancer', 'ingress').map(addressOf);
  return addresses.length > 0
    ? healthy(`is reached at ${addresses.join(', ')}`)
    : progressing('NoAddress', 'no ingress controller has given it an address yet');
};
