// SPDX-License-Identifier: Apache-2.0
export { ErrorFilter, publicError } from './http/error.filter.js';
export type { ErrorBody } from './http/error.filter.js';
export { startHost } from './host.js';
export type { Host, HostOptions } from './host.js';
export { booleanSetting, configProvider, listenAddress, loadConfig, parseListen, secretFrom } from './load-config.js';
export { createLogger, LogLevel, withoutUserinfo } from './logger.js';
export type { LogFields, Logger, LoggerOptions } from './logger.js';
export { platformSchema, processConfigSource } from './platform.config.js';
export { EVENT_REACTOR, reactorProvider } from './reactor.provider.js';
export type { ReactorDefinition } from './reactor.provider.js';
export { Endpoints, Readiness } from './readiness.js';
export type { ReadinessState } from './readiness.js';
export { describeFatal, runProcess, runService } from './run-service.js';
export type { ProcessOptions, Stoppable } from './run-service.js';
export {
  CLOCK,
  CONFIG_SOURCE,
  ENDPOINTS,
  EVENT_TRANSPORT,
  HTTP_EDGE,
  LOGGER,
  METER,
  READINESS,
  SERVICE_NAME,
  TRACER,
} from './tokens.js';
export type { ConfigSource, HttpEdge } from './tokens.js';
export { dataDirSetting } from './data-dir.config.js';
