// SPDX-License-Identifier: Apache-2.0
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

/** Injection token of the `Clock` (core). */
export const CLOCK = Symbol('CLOCK');
/** Injection token of the {@link Logger}. */
export const LOGGER = Symbol('LOGGER');
/**
 * Injection token of the {@link ConfigSource} that every `*.config.ts` reads from; the process environment unless a
 * host passes another.
 */
export const CONFIG_SOURCE = Symbol('CONFIG_SOURCE');
/** Injection token of the name of the process: a service's name, or `standalone`. */
export const SERVICE_NAME = Symbol('SERVICE_NAME');
/** Injection token of the OpenTelemetry `Meter`. Metric names are constants of the module that records them. */
export const METER = Symbol('METER');
/** Injection token of the OpenTelemetry `Tracer`. */
export const TRACER = Symbol('TRACER');
/** Injection token of the {@link Readiness} that `/readyz` answers from. */
export const READINESS = Symbol('READINESS');
/** Injection token of the {@link Endpoints} that the parts of a process listen on. */
export const ENDPOINTS = Symbol('ENDPOINTS');
/** Injection token that a module provides (and exports) when it serves HTTP: see {@link HttpEdge}. */
export const HTTP_EDGE = Symbol('HTTP_EDGE');
/** Injection token of the `EventTransport` (messaging): the Nest transport strategy that delivers verified events. */
export const EVENT_TRANSPORT = Symbol('EVENT_TRANSPORT');

/** Names and values of the configuration, as the environment has them. */
export type ConfigSource = Readonly<Record<string, string | undefined>>;

/** What a module says that wants its Nest controllers served over HTTP. */
export interface HttpEdge {
  /** `HOST:PORT`; port 0 takes a free one. */
  readonly listen: string;
  /** Called before the application is initialised: prefixes, pipes, raw bodies, documents, static files. */
  readonly setup?: (app: NestFastifyApplication) => void | Promise<void>;
}
