// SPDX-License-Identifier: Apache-2.0
import { configProvider, listenAddress } from '@plumbline/platform';
import { z } from 'zod';

/** Injection token of the {@link GatewayConfig}. */
export const GATEWAY_CONFIG = Symbol('GATEWAY_CONFIG');

/** Names, defaults and meanings of the gateway's settings. */
export const gatewaySettings = z.object({
  PLUMBLINE_GATEWAY_LISTEN: listenAddress
    .default('127.0.0.1:8080')
    .describe('HOST:PORT of the REST API, the event stream, the webhooks and the API documents.'),
  PLUMBLINE_GATEWAY_GRPC_LISTEN: listenAddress.default('127.0.0.1:8081').describe('HOST:PORT of the gRPC API.'),
  PLUMBLINE_GATEWAY_WEBHOOK_SECRET_FILE: z
    .string()
    .optional()
    .describe(
      'File with the secret that signs webhooks of every repository. A repository may name a secret of its own; without either, webhooks are refused.',
    ),
  PLUMBLINE_GATEWAY_BOOTSTRAP_TOKEN_FILE: z
    .string()
    .optional()
    .describe(
      'File (mode 0600) that gets the first admin token. When it already holds a token, that one becomes the first admin token.',
    ),
  PLUMBLINE_GATEWAY_WEBHOOKS_PER_MINUTE: z.coerce
    .number()
    .int()
    .min(1)
    .default(600)
    .describe('Webhooks taken from one source in a minute.'),
  PLUMBLINE_GATEWAY_STREAMS_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .default(1000)
    .describe('Event streams open at the same time.'),
  PLUMBLINE_GATEWAY_TRUST_PROXY: z
    .stringbool()
    .default(false)
    .describe('Take the address of the caller from X-Forwarded-For: only behind a proxy that sets it.'),
  PLUMBLINE_GATEWAY_SUBSCRIPTION_HOSTS: z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((host) => host.trim())
        .filter((host) => host !== ''),
    )
    .describe(
      'Hosts that subscriptions may deliver to, separated by commas: `hooks.example.com`, `*.example.com`, `http://HOST:PORT` for plain text or another port. None when empty.',
    ),
  PLUMBLINE_GATEWAY_DELIVERIES: z
    .stringbool()
    .default(true)
    .describe('Whether this gateway may deliver to subscriptions. Of several one does at a time.'),
  PLUMBLINE_GATEWAY_DELIVERY_LEASE_MS: z.coerce
    .number()
    .int()
    .min(100)
    .max(600_000)
    .default(15_000)
    .describe(
      'How long the gateway that delivers to subscriptions may be silent before another one takes over, in milliseconds.',
    ),
  PLUMBLINE_GATEWAY_DELIVERY_RETRY_MS: z.coerce
    .number()
    .int()
    .min(1)
    .default(1000)
    .describe('Pause after the first failed delivery, in milliseconds; doubles up to 300 times as much.'),
});

/** Settings of the gateway, parsed. */
export interface GatewayConfig {
  readonly listen: string;
  readonly grpcListen: string;
  readonly webhookSecretFile: string | undefined;
  readonly bootstrapTokenFile: string | undefined;
  readonly webhooksPerMinute: number;
  readonly streamsMax: number;
  readonly trustProxy: boolean;
  readonly subscriptionHosts: readonly string[];
  readonly deliveries: boolean;
  readonly deliveryRetryMs: number;
  readonly deliveryLeaseMs: number;
}

/** Provider of {@link GATEWAY_CONFIG}. */
export const gatewayConfigProvider = configProvider(GATEWAY_CONFIG, gatewaySettings, (env): GatewayConfig => ({
  listen: env.PLUMBLINE_GATEWAY_LISTEN,
  grpcListen: env.PLUMBLINE_GATEWAY_GRPC_LISTEN,
  webhookSecretFile: env.PLUMBLINE_GATEWAY_WEBHOOK_SECRET_FILE,
  bootstrapTokenFile: env.PLUMBLINE_GATEWAY_BOOTSTRAP_TOKEN_FILE,
  webhooksPerMinute: env.PLUMBLINE_GATEWAY_WEBHOOKS_PER_MINUTE,
  streamsMax: env.PLUMBLINE_GATEWAY_STREAMS_MAX,
  trustProxy: env.PLUMBLINE_GATEWAY_TRUST_PROXY,
  subscriptionHosts: env.PLUMBLINE_GATEWAY_SUBSCRIPTION_HOSTS,
  deliveries: env.PLUMBLINE_GATEWAY_DELIVERIES,
  deliveryRetryMs: env.PLUMBLINE_GATEWAY_DELIVERY_RETRY_MS,
  deliveryLeaseMs: env.PLUMBLINE_GATEWAY_DELIVERY_LEASE_MS,
}));
