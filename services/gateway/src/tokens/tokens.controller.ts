// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import { issueToken, listTokens, revokeToken } from '@plumbline/api-contract';
import type { InputOf } from '../operations/operation.js';
import { Input, Serve } from '../operations/serve.js';
import { TokensService } from './tokens.service.js';

/** Access tokens over REST. */
@Controller()
export class TokensController {
  readonly #tokens: TokensService;

  constructor(@Inject(TokensService) tokens: TokensService) {
    this.#tokens = tokens;
  }

  @Serve(listTokens)
  list(@Input() { query }: InputOf<typeof listTokens>) {
    return this.#tokens.list(query);
  }

  @Serve(issueToken)
  issue(@Input() { principal, body }: InputOf<typeof issueToken>) {
    return this.#tokens.issue(principal, body);
  }

  @Serve(revokeToken)
  revoke(@Input() { principal, params }: InputOf<typeof revokeToken>) {
    return this.#tokens.revoke(principal, params.id);
  }
}
