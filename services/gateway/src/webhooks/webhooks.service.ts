// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Tracer } from '@opentelemetry/api';
import type { WebhookProvider } from '@plumbline/api-contract';
import { AuthError, derivedId, messageOf, OverloadedError, StreamName, uuidv7 } from '@plumbline/core';
import type { Actor } from '@plumbline/events';
import { type Logger, LOGGER, TRACER } from '@plumbline/platform';
import { traced } from '@plumbline/reactor';
import type { RepositoryView } from '@plumbline/read-models';
import { RateLimit } from '../auth/rate-limit.js';
import { GATEWAY_CONFIG, type GatewayConfig } from '../gateway.config.js';
import { LOG_ACCESS, type LogAccess } from '../state/log-access.js';
import { type Hint, normalizedUrl, parseHint } from './payload.js';
import { type Headers, signedBy } from './signatures.js';

/** A webhook as it came. */
export interface Delivery {
  readonly provider: WebhookProvider;
  readonly headers: Headers;
  readonly body: Buffer;
  readonly source: string;
}

/** Two deliveries with one id within this time have one request id, on whichever gateway they come in. */
const WINDOW_MS = 3_600_000;

/**
 * Takes webhooks: the Internet-facing parser. Signature first, over the raw bytes; then the content is a hint to
 * fetch and nothing more.
 */
@Injectable()
export class WebhooksService {
  readonly #access: LogAccess;
  readonly #config: GatewayConfig;
  readonly #logger: Logger;
  readonly #tracer: Tracer;

  readonly #limit: RateLimit;

  constructor(
    @Inject(LOG_ACCESS) access: LogAccess,
    @Inject(GATEWAY_CONFIG) config: GatewayConfig,
    @Inject(LOGGER) logger: Logger,
    @Inject(TRACER) tracer: Tracer,
  ) {
    this.#access = access;
    this.#config = config;
    this.#logger = logger;
    this.#tracer = tracer;

    this.#limit = new RateLimit({ perMinute: config.webhooksPerMinute });
  }

  /**
   * Asks for a refresh of the repositories that the webhook is about. Who may not know which repositories exist
   * learns nothing: one answer for all.
   * @throws OverloadedError PLB-5702; AuthError PLB-2003 without a right signature; InputError PLB-1708.
   */
  async take(delivery: Delivery): Promise<void> {
    this.#access.assertReady();
    const waitMs = this.#limit.take(delivery.source, this.#access.clock.nowMs());
    if (waitMs > 0)
      throw new OverloadedError('PLB-5702', 'too many webhooks from your address: wait, then send again', waitMs);
    const repositories = [...this.#access.state.views.all('repository')];
    const secrets = await this.#secrets(repositories);
    const matching = signedBy(delivery.provider, delivery.headers, delivery.body, [...new Set(secrets.values())]);
    if (matching.length === 0) throw new AuthError('PLB-2003', 'the signature of the webhook is missing or wrong', 401);
    const hint = parseHint(delivery.provider, delivery.headers, delivery.body);
    const wanted = new Set(hint.urls.map(normalizedUrl));
    for (const repository of repositories) {
      const normalized = normalizedUrl(repository.spec.url);
      if (normalized === undefined || !wanted.has(normalized)) continue;
      // A secret of one repository is no key to another.
      const secret = secrets.get(repository.name) ?? secrets.get('');
      if (secret !== undefined && matching.includes(secret))
        await this.#refresh(delivery.provider, repository.name, hint);
    }
  }

  async #refresh(provider: WebhookProvider, repository: string, { ref, delivery }: Hint): Promise<void> {
    if (delivery !== undefined && this.#access.state.knowsDelivery(provider, delivery, repository)) return;
    const nowMs = this.#access.clock.nowMs();
    const windowMs = Math.floor(nowMs / WINDOW_MS) * WINDOW_MS;
    const requestId =
      delivery === undefined ? uuidv7(nowMs) : derivedId(windowMs, 'webhook', provider, delivery, repository);
    const actor: Actor = { kind: 'system', id: `webhook:${provider}`, name: `${provider} webhook` };
    const attributes = { 'plumbline.repository': repository, 'plumbline.provider': provider };
    // A first event without a cause has its request id as correlation id.
    await traced(this.#tracer, { name: 'webhook', correlationId: requestId, attributes }, async () =>
      this.#access.append({
        actor,
        requestId,
        items: [
          {
            stream: StreamName.repository(repository),
            expected: { type: 'exists' },
            events: [
              {
                type: 'RefreshRequested',
                data: {
                  repository,
                  source: 'Webhook',
                  provider,
                  ...(ref === undefined ? {} : { ref }),
                  ...(delivery === undefined ? {} : { delivery }),
                },
              },
            ],
          },
        ],
      }),
    );
  }

  /** Secrets by repository; the one for all others under the empty name. */
  async #secrets(repositories: readonly RepositoryView[]): Promise<ReadonlyMap<string, string>> {
    const files = new Map<string, string>();
    if (this.#config.webhookSecretFile !== undefined) files.set('', this.#config.webhookSecretFile);
    for (const { name, spec } of repositories)
      if (spec.webhookSecretFile !== undefined) files.set(name, spec.webhookSecretFile);
    const secrets = new Map<string, string>();
    for (const [name, file] of files) {
      const secret = await this.#secretIn(file);
      if (secret !== undefined) secrets.set(name, secret);
      // Whoever wanted a secret of its own must not fall back to the common one.
      else if (name !== '') secrets.set(name, '');
    }
    return secrets;
  }

  async #secretIn(file: string): Promise<string | undefined> {
    try {
      const text = (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
      return text === '' ? undefined : text;
    } catch (error) {
      this.#logger.warn('the secret of webhooks cannot be read: they are refused', { file, error: messageOf(error) });
      return undefined;
    }
  }
}
