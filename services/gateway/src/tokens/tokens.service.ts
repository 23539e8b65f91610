// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type { ChangeResult, Page, TokenItem } from '@plumbline/api-contract';
import { ConflictError, Digest, isoTime, StreamName, uuidv7 } from '@plumbline/core';
import { durationMs } from '@plumbline/events';
import type { TokenView } from '@plumbline/read-models';
import { actorOf } from '../operations/principal.js';
import { newToken } from '../auth/tokens.js';
import { type DocumentQuery, notFound, ReadModel } from '../read-side/read-model.js';
import type { Principal, Role } from '../state/access-book.js';
import { LOG_ACCESS, type LogAccess } from '../state/log-access.js';

/** A token to issue. */
export interface TokenInput {
  readonly name: string;
  readonly role: Role;
  readonly emails: readonly string[];
  readonly expiresIn?: string | undefined;
}

/** Issues and revokes access tokens. Only their hashes are kept. */
@Injectable()
export class TokensService {
  readonly #access: LogAccess;
  readonly #reads: ReadModel;

  constructor(@Inject(LOG_ACCESS) access: LogAccess, @Inject(ReadModel) reads: ReadModel) {
    this.#access = access;
    this.#reads = reads;
  }

  async list(query: DocumentQuery<TokenView>): Promise<Page<TokenItem>> {
    const page = await this.#reads.list('token', query);
    return { ...page, items: page.items.map(withoutHash) };
  }

  async issue(principal: Principal, input: TokenInput): Promise<{ readonly token: string; readonly item: TokenItem }> {
    const nowMs = this.#access.clock.nowMs();
    const { name, role, emails, expiresIn } = input;
    const expiresAt = expiresIn === undefined ? undefined : isoTime(nowMs + durationMs(expiresIn));
    const id = uuidv7(nowMs);
    const token = newToken();
    const data = { id, name, role, hash: Digest.of(token), emails, ...(expiresAt === undefined ? {} : { expiresAt }) };
    await this.#access.append({
      actor: actorOf(principal),
      items: [
        { stream: StreamName.access(id), expected: { type: 'noStream' }, events: [{ type: 'TokenIssued', data }] },
      ],
    });
    const issued = this.#access.state.views.get('token', id);
    if (issued === undefined) throw notFound('token', id);
    return { token, item: withoutHash(issued) };
  }

  /** @throws NotFoundError PLB-3106; ConflictError PLB-4706 for the last admin token: nobody could come in any more. */
  async revoke(principal: Principal, id: string): Promise<ChangeResult> {
    await this.#access.refresh();
    const token = this.#access.state.views.get('token', id);
    if (token === undefined) throw notFound('token', id);
    if (token.revokedAt !== undefined) return { action: 'unchanged', position: this.#access.position };
    if (token.role === 'admin' && !this.#otherAdmin(id))
      throw new ConflictError('PLB-4706', 'this is the last admin token in force: issue another one first');
    const { position } = await this.#access.append({
      actor: actorOf(principal),
      items: [
        {
          stream: StreamName.access(id),
          expected: { type: 'exists' },
          events: [{ type: 'TokenRevoked', data: { id } }],
        },
      ],
    });
    return { action: 'revoked', position };
  }

  #otherAdmin(id: string): boolean {
    const nowMs = this.#access.clock.nowMs();
    for (const token of this.#access.state.views.all('token')) {
      const lives =
        token.revokedAt === undefined && (token.expiresAt === undefined || Date.parse(token.expiresAt) > nowMs);
      if (token.id !== id && token.role === 'admin' && lives) return true;
    }
    return false;
  }
}

function withoutHash({ hash: _, ...item }: TokenView): TokenItem {
  return item;
}
