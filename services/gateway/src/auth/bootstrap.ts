// SPDX-License-Identifier: Apache-2.0
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Inject, Injectable } from '@nestjs/common';
import { ConflictError, derivedId, Digest, InputError, messageOf, StreamName } from '@plumbline/core';
import { type Actor, type NewEvent, projectSpec } from '@plumbline/events';
import type { AppendItem } from '@plumbline/event-log';
import { type Logger, LOGGER } from '@plumbline/platform';
import { GATEWAY_CONFIG, type GatewayConfig } from '../gateway.config.js';
import { LOG_ACCESS, type LogAccess } from '../state/log-access.js';
import { isToken, newToken } from './tokens.js';

const BOOTSTRAP: Actor = { kind: 'system', id: 'bootstrap', name: 'first start' };
const DAY_MS = 86_400_000;

/** Injection token of the {@link Announcer}. */
export const ANNOUNCER = Symbol('ANNOUNCER');

/** Tells the person who starts Plumbline something that must not get into the log. */
export class Announcer {
  announce: (line: string) => void = (line) => void process.stdout.write(`${line}\n`);
}

/** Makes the very first start usable: one admin token and the project `default`. */
@Injectable()
export class Bootstrap {
  readonly #access: LogAccess;
  readonly #config: GatewayConfig;
  readonly #logger: Logger;
  readonly #announcer: Announcer;

  constructor(
    @Inject(LOG_ACCESS) access: LogAccess,
    @Inject(GATEWAY_CONFIG) config: GatewayConfig,
    @Inject(LOGGER) logger: Logger,
    @Inject(ANNOUNCER) announcer: Announcer,
  ) {
    this.#access = access;
    this.#config = config;
    this.#logger = logger;
    this.#announcer = announcer;
  }

  /** Issues the admin token when no token was ever issued. Of several gateways that start at once, one does. */
  async run(): Promise<void> {
    if (this.#access.state.access.everIssued) return;
    const { token, wroteFile } = this.#prepareToken();
    try {
      // The requests of two gateways have the same id but other tokens in it, and the stream must be new: the log
      // takes the first.
      const day = Math.floor(this.#access.clock.nowMs() / DAY_MS) * DAY_MS;
      await this.#access.append({
        actor: BOOTSTRAP,
        requestId: derivedId(day, 'bootstrap'),
        items: this.#items(token),
      });
    } catch (error) {
      if (wroteFile !== undefined) rmSync(wroteFile, { force: true });
      if (!(error instanceof ConflictError)) throw error;
      await this.#access.refresh();
      this.#logger.info('another gateway issued the first admin token');
      return;
    }
    const where = this.#config.bootstrapTokenFile === undefined ? '' : ` (also in ${this.#config.bootstrapTokenFile})`;
    this.#announcer.announce(`First admin token, shown only now${where}:\n\n    ${token}\n`);
    this.#logger.info('the first admin token was issued');
  }

  #items(token: string): readonly AppendItem[] {
    const issued: NewEvent = {
      type: 'TokenIssued',
      data: { id: 'bootstrap', name: 'admin', role: 'admin', hash: Digest.of(token), emails: [] },
    };
    const items: AppendItem[] = [
      { stream: StreamName.access('bootstrap'), expected: { type: 'noStream' }, events: [issued] },
    ];
    if (this.#access.state.revisionOf(StreamName.project('default')) === undefined) {
      const project: NewEvent = {
        type: 'ProjectDeclared',
        data: { name: 'default', labels: {}, spec: projectSpec.parse({}) },
      };
      items.push({ stream: StreamName.project('default'), expected: { type: 'noStream' }, events: [project] });
    }
    return items;
  }

  /** The file is written before the log: after a crash in between, the next start uses the token that is there. */
  #prepareToken(): { readonly token: string; readonly wroteFile: string | undefined } {
    const file = this.#config.bootstrapTokenFile;
    if (file === undefined) return { token: newToken(), wroteFile: undefined };
    const present = readIfThere(file);
    if (present !== undefined) {
      if (!isToken(present))
        throw new InputError(
          'PLB-1710',
          `${file} should hold the first admin token ("plumb_" and 43 characters), but holds something else: remove it, or put a token there`,
        );
      return { token: present, wroteFile: undefined };
    }
    const token = newToken();
    try {
      writeFileSync(file, `${token}\n`, { mode: 0o600, flag: 'wx' });
    } catch (error) {
      throw new InputError('PLB-1711', `the first admin token cannot be written to ${file}: ${messageOf(error)}`, {
        cause: error,
      });
    }
    return { token, wroteFile: file };
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
