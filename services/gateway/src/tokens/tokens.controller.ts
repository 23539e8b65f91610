// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import type { InputOf } from '../api/operation.js';
import { Input, Serve } from '../api/serve.js';
import type { DocumentPage } from '../reads/read-model.js';
import type { ChangeResult } from '../resources/resources.service.js';
import { issueToken, listTokens, revokeToken } from './tokens.operations.js';
import { type TokenItem, TokensService } from './tokens.service.js';

/** Access tokens over REST. */
@Controller()
export class TokensController {
  readonly #tokens: TokensService;

  constructor(@Inject(TokensService) tokens: TokensService) {
    this.#tokens = tokens;
  }

  @Serve(listTokens)
  list(@Input() { query }: InputOf<typeof listTokens>): Promise<DocumentPage<TokenItem>> {
    return this.#tokens.list(query);
  }

  @Serve(issueToken)
  issue(
    @Input() { principal, body }: InputOf<typeof issueToken>,
  ): Promise<{ readonly token: string; readonly item: TokenItem }> {
    return this.#tokens.issue(principal, body);
  }

  @Serve(revokeToken)
  revoke(@Input() { principal, params }: InputOf<typeof revokeToken>): Promise<ChangeResult> {
    return this.#tokens.revoke(principal, params.id);
  }
}
