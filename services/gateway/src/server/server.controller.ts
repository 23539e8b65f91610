// SPDX-License-Identifier: Apache-2.0
import { Controller } from '@nestjs/common';
import { getServerVersion, whoAmI } from '@plumbline/api-contract';
import { API_VERSION } from '@plumbline/events';
import type { InputOf } from '../operations/operation.js';
import { Input, Serve } from '../operations/serve.js';
import type { Principal } from '../state/access-book.js';
import { SERVER_VERSION } from './server-version.js';

/** Who serves, and who asks. */
@Controller()
export class ServerController {
  @Serve(getServerVersion)
  version(): { readonly name: string; readonly version: string; readonly apiVersions: readonly string[] } {
    return { name: 'plumbline', version: SERVER_VERSION, apiVersions: [API_VERSION] };
  }

  @Serve(whoAmI)
  whoAmI(
    @Input() { principal }: InputOf<typeof whoAmI>,
  ): Omit<Principal, 'expiresAt'> & { readonly expiresAt?: string } {
    const { id, name, role, emails, expiresAt } = principal;
    return { id, name, role, emails, ...(expiresAt === undefined ? {} : { expiresAt }) };
  }
}
