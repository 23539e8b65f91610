// SPDX-License-Identifier: Apache-2.0
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { asOfIssues } from '@plumbline/api-contract';
import { InputError } from '@plumbline/core';
import type { HttpEdge } from '@plumbline/platform';
import type { Authenticator } from '../../auth/authenticator.js';
import type { GatewayConfig } from '../../gateway.config.js';
import { refuseIssues } from '../../operations/check-input.js';
import { setPrincipal } from '../../operations/principal.js';
import type { RequestMetrics } from '../../operations/request-metrics.js';
import { sourceOf } from '../../operations/source.js';

const KIB = 1024;
/** Body of an ordinary request at most. */
const BODY_LIMIT = 256 * KIB;
/** Body of an apply at most: as much as the log takes in one append. */
const APPLY_LIMIT = 4 * KIB * KIB;
/** Body of a webhook at most. */
const WEBHOOK_LIMIT = KIB * KIB;

const PUBLIC_PATHS: ReadonlySet<string> = new Set(['/api/v1/version']);

// The API answers JSON to programs: a browser has nothing to load, run or frame here. The documents page sets its own
// policy.
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cache-control': 'no-store',
};

/**
 * How HTTP serves the gateway's controllers. Requests without a valid token are rejected before a byte of their body
 * is read.
 */
export function httpEdge(config: GatewayConfig, authenticator: Authenticator, metrics: RequestMetrics): HttpEdge {
  return {
    listen: config.listen,
    setup: (app: NestFastifyApplication) => {
      const fastify = app.getHttpAdapter().getInstance();
      // The built-in parser of JSON would go before one for everything.
      fastify.removeAllContentTypeParsers();
      app.useBodyParser('*', {}, parseBody);
      fastify.addHook('onRoute', (route) => {
        route.bodyLimit = limitOf(route.url);
      });
      fastify.addHook('onResponse', (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
        metrics.answered(request.method, request.routeOptions.url, reply.raw.statusCode, reply.elapsedTime);
        done();
      });
      fastify.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => {
        void reply.headers(SECURITY_HEADERS);
        try {
          const path = request.url.split('?', 1)[0] ?? '';
          if (path.startsWith('/api/') && !PUBLIC_PATHS.has(path)) {
            setPrincipal(
              request,
              authenticator.authenticate(request.headers.authorization, sourceOf(request, config.trustProxy)),
            );
          }
          // Operations say for themselves whether they have a past; files of the log and documents have none.
          if (!path.startsWith('/api/')) refuseIssues(asOfIssues(request.query, 'only what is below /api/ has one'));
          done();
        } catch (error) {
          done(error instanceof Error ? error : new Error(String(error)));
        }
      });
    },
  };
}

function limitOf(url: string): number {
  if (url.startsWith('/webhooks/')) return WEBHOOK_LIMIT;
  return url === '/api/v1/resources::apply' || url === '/api/v1/resources:apply' ? APPLY_LIMIT : BODY_LIMIT;
}

/** JSON for the API; the bytes as they are for webhooks, whose signature comes before any parsing. */
function parseBody(request: unknown, body: Buffer, done: (error: Error | null, parsed?: unknown) => void): void {
  const { url = '', headers = {} } = request as {
    readonly url?: string;
    readonly headers?: Readonly<Record<string, unknown>>;
  };
  if (url.startsWith('/webhooks/')) return done(null, body);
  if (body.length === 0) return done(null, undefined);
  if (!/^application\/([\w.+-]+\+)?json\b/i.test(String(headers['content-type'] ?? ''))) {
    return done(new InputError('PLB-1707', 'send the body as JSON, with the header "Content-Type: application/json"'));
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    return done(new InputError('PLB-1707', 'the body is not valid JSON'));
  }
  return done(null, parsed);
}
