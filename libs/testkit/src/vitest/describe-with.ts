// SPDX-License-Identifier: Apache-2.0
import { describe, it } from 'vitest';
import { availability, type Requirement } from '../servers/requirements.js';
import { testkitConfig } from '../testkit.config.js';

/**
 * `describe` for suites on real parts. When one of them cannot be had the suite is skipped with the
 * reason in its title and on stderr; with `PLUMBLINE_TEST_REQUIRE=all` it fails instead.
 */
export function describeWith(needs: Requirement | readonly Requirement[], title: string, define: () => void): void {
  const list = typeof needs === 'string' ? [needs] : needs;
  const reasons = list.flatMap((need) => {
    const found = availability(need);
    return found.available ? [] : [`${need}: ${found.reason}`];
  });
  if (reasons.length === 0) {
    describe(title, define);
    return;
  }
  const because = reasons.join('; ');
  if (testkitConfig().requireAll) {
    describe(title, () => {
      it('has every real part it needs', () => {
        throw new Error(`required by PLUMBLINE_TEST_REQUIRE=all but not there: ${because}`);
      });
    });
    return;
  }
  process.stderr.write(`SKIPPED ${title} (${because})\n`);
  describe.skip(`${title} [skipped: ${because}]`, define);
}
