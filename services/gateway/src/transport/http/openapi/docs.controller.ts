// SPDX-License-Identifier: Apache-2.0
import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Controller, Get, Header, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { openApiDocument } from '@plumbline/api-contract';
import { NotFoundError } from '@plumbline/core';
import { SERVER_VERSION } from '../../../server/server-version.js';

const FILES: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

// The page runs its own files only; its styles are set by scripts.
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Plumbline API</title><link rel="icon" href="/docs/favicon-32x32.png"><link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="ui"></div><script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body>
</html>
`;

const START =
  "window.ui = SwaggerUIBundle({ url: '/openapi.json', dom_id: '#ui', deepLinking: true, persistAuthorization: false, validatorUrl: null });\n";

/** The API document, and a page to read it and to try calls. Public: it says nothing that the source does not. */
@Controller()
export class DocsController {
  #document: string | undefined;

  @Get('openapi.json')
  @Header('content-type', 'application/json; charset=utf-8')
  document(): string {
    this.#document ??= JSON.stringify(openApiDocument(SERVER_VERSION));
    return this.#document;
  }

  @Get('docs')
  page(@Res() reply: FastifyReply): void {
    send(reply, 'text/html; charset=utf-8', PAGE);
  }

  @Get('docs/start.js')
  start(@Res() reply: FastifyReply): void {
    send(reply, 'text/javascript; charset=utf-8', START);
  }

  @Get('docs/:file')
  async file(@Param('file') file: string, @Res() reply: FastifyReply): Promise<void> {
    const type = Object.hasOwn(FILES, file) ? FILES[file] : undefined;
    if (type === undefined) throw new NotFoundError('PLB-3109', 'there is no such file of the API documents');
    const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
    send(reply, type, await readFile(join(folder, file)));
  }
}

function send(reply: FastifyReply, type: string, content: string | Buffer): void {
  void reply.header('content-type', type).header('content-security-policy', POLICY).send(content);
}
