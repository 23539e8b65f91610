// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { NotFoundError } from '@plumbline/core';
import { LOG_TREE, type LogTree } from '@plumbline/event-log';
import { parseTilePath, TILE_WIDTH, type TilePath } from '@plumbline/merkle';
import { sourceOf } from '../operations/source.js';
import { Authenticator } from '../auth/authenticator.js';
import { GATEWAY_CONFIG, type GatewayConfig } from '../gateway.config.js';
import { LOG_FILES_CONFIG, type LogFilesConfig } from './log.config.js';

type LogFile = { readonly type: 'checkpoint'; readonly witnessed: boolean } | TilePath;

const TEXT = 'text/plain; charset=utf-8';
const BYTES = 'application/octet-stream';

function parseFile(path: string): LogFile | undefined {
  if (path === 'checkpoint' || path === 'checkpoint.witnessed')
    return { type: 'checkpoint', witnessed: path !== 'checkpoint' };
  return parseTilePath(path);
}

/** What may keep a copy, and how long: full tiles never change. */
function cacheControl(file: LogFile, scope: 'public' | 'private'): string {
  if (file.type === 'checkpoint') return `${scope}, no-cache`;
  return file.width === TILE_WIDTH ? `${scope}, max-age=31536000, immutable` : `${scope}, max-age=300`;
}

/**
 * The files of the log as C2SP tlog-tiles lays them out, below `/log/<origin>/`: any tool that knows the format can
 * check the log with them.
 */
@Controller()
export class LogFilesController {
  readonly #tree: LogTree;
  readonly #authenticator: Authenticator;
  readonly #gateway: GatewayConfig;
  readonly #config: LogFilesConfig;

  constructor(
    @Inject(LOG_TREE) tree: LogTree,
    @Inject(Authenticator) authenticator: Authenticator,
    @Inject(GATEWAY_CONFIG) gateway: GatewayConfig,
    @Inject(LOG_FILES_CONFIG) config: LogFilesConfig,
  ) {
    this.#tree = tree;
    this.#authenticator = authenticator;
    this.#gateway = gateway;
    this.#config = config;
  }

  @Get('log/*')
  async file(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const path = (request.url.split('?', 1)[0] ?? '').slice('/log/'.length);
    const border = /(?:^|\/)(checkpoint(?:\.witnessed)?|tile\/.*)$/.exec(path);
    const file = border === null ? undefined : parseFile(border[1] ?? '');
    // Before anything is looked up: a refusal tells nothing about what is there.
    const scope = this.#admit(request, file);
    const { origin } = await this.#tree.identity();
    if (file === undefined || path.slice(0, border?.index) !== origin)
      throw new NotFoundError(
        'PLB-3150',
        'there is no such file of a log: they are at /log/<origin>/, see GET /api/v1/log',
      );
    const content = await this.#read(file);
    const etag = `"${createHash('sha256').update(content).digest('base64url')}"`;
    void reply
      .header('cache-control', cacheControl(file, scope))
      .header('etag', etag)
      .header('content-type', file.type === 'checkpoint' ? TEXT : BYTES);
    if (scope === 'public')
      void reply.header('access-control-allow-origin', '*').header('cross-origin-resource-policy', 'cross-origin');
    else void reply.header('vary', 'authorization');
    if (request.headers['if-none-match'] === etag) void reply.status(304).send();
    else void reply.send(content);
  }

  #admit(request: FastifyRequest, file: LogFile | undefined): 'public' | 'private' {
    const { publicPart } = this.#config;
    if (publicPart === 'everything' || (publicPart === 'hashes' && file !== undefined && file.type !== 'entries'))
      return 'public';
    this.#authenticator.authenticate(request.headers.authorization, sourceOf(request, this.#gateway.trustProxy));
    return 'private';
  }

  async #read(file: LogFile): Promise<Buffer> {
    switch (file.type) {
      case 'checkpoint':
        return Buffer.from(await this.#tree.checkpoint({ witnessed: file.witnessed }));
      case 'tile':
        return this.#tree.tile(file);
      case 'entries':
        return this.#tree.entries(file);
    }
  }
}
