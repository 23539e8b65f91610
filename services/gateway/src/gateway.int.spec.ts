// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { clientOf, startGateway } from './testing/gateway.fixture.js';

describe('the gateway', () => {
  it('starts, announces an admin token once, and answers to it', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    expect(await client.whoAmI()).toEqual({ id: 'bootstrap', name: 'admin', role: 'admin', emails: [] });
    expect(await client.projects()).toMatchObject({ items: [{ name: 'default' }], position: 1 });
    expect(await client.version()).toMatchObject({ name: 'plumbline' });
  });
});
