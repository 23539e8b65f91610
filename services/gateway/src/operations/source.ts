// SPDX-License-Identifier: Apache-2.0
import type { FastifyRequest } from 'fastify';

/**
 * The address that a request comes from; what a proxy says only when it is trusted, and then the last entry: the one
 * that this proxy added.
 */
export function sourceOf(request: Pick<FastifyRequest, 'ip' | 'headers'>, trustProxy: boolean): string {
  if (!trustProxy) return request.ip;
  const header = request.headers['x-forwarded-for'];
  const last = (Array.isArray(header) ? header.join(',') : header)?.split(',').at(-1)?.trim();
  return last === undefined || last === '' ? request.ip : last;
}
