// SPDX-License-Identifier: Apache-2.0
import { expect, it, vi } from 'vitest';
import { clientOf, startGateway } from '../../testing/gateway.fixture.js';

it('counts requests by operation and code, rejected ones and unknown paths included', async () => {
  await using gateway = await startGateway();
  await clientOf(gateway).whoAmI();
  await clientOf(gateway, await gateway.tokenOf('viewer'))
    .tokens()
    .catch(() => undefined);
  await fetch(`${gateway.url}/api/v1/projects`);
  await fetch(`${gateway.url}/nothing-here`);
  await clientOf(gateway)
    .application('web')
    .catch(() => undefined);
  // The count follows the response.
  await vi.waitFor(
    async () => {
      const text = await gateway.metrics();
      for (const [operation, code] of [
        ['whoAmI', 200],
        ['listTokens', 403],
        ['listProjects', 401],
        ['other', 404],
        ['getApplication', 404],
        ['issueToken', 201],
      ] as const)
        expect(text).toMatch(
          new RegExp(
            `plumbline_gateway_requests_total\\{[^}]*operation="${operation}"[^}]*code="${code}"[^}]*\\} 1\\b`,
          ),
        );
      expect(text).toMatch(/plumbline_gateway_request_duration_seconds_count\{[^}]*operation="whoAmI"[^}]*\} 1\b/);
    },
    { timeout: 60_000 },
  );
});
