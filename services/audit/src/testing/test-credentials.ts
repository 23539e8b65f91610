// SPDX-License-Identifier: Apache-2.0
import { systemClock } from '@plumbline/core';
import {
  generateServicesKeys,
  issueServiceCredential,
  parseServicesPublicKeys,
  ServiceCredentialVerifier,
  type ServiceName,
} from '@plumbline/events';
import { GrpcEventLog, LogChannel } from '@plumbline/event-log/client';
import type { EventLog } from '@plumbline/event-log';
import { CallerCheck } from '../grpc/caller-check.js';

const keys = generateServicesKeys();

/** PEM public key of the test's service credentials. */
export const SERVICES_KEY = keys.publicKeyPem;

/** Verifies the test's service credentials. */
export const verifier = new ServiceCredentialVerifier(parseServicesPublicKeys(SERVICES_KEY));

/** Checks callers that present the test's service credentials. */
export const callers = new CallerCheck({ verifier, clock: systemClock });

/** Returns a credential of a service. */
export function credentialOf(service: ServiceName): string {
  return issueServiceCredential(keys.privateKeyPem, { service, nowMs: systemClock.nowMs() });
}

/** Credential of the gateway, which may call every method. */
export const TOKEN = credentialOf('gateway');

/** A client of the log that appends with the credential of the service that each request names. */
export interface ServicesClient extends Disposable {
  readonly log: EventLog;
}

/** Connects to the gRPC endpoint of a log as each of the services. */
export function connectAsServices(url: string): ServicesClient {
  const channels = new Map<ServiceName, LogChannel>();
  const logOf = (service: ServiceName): GrpcEventLog => {
    const channel = channels.get(service) ?? new LogChannel({ url, token: credentialOf(service) });
    channels.set(service, channel);
    return new GrpcEventLog(channel);
  };
  return {
    log: {
      append: async (request) => logOf(request.service).append(request),
      read: async (options) => logOf('gateway').read(options),
      readBodies: async (options) => logOf('gateway').readBodies(options),
      readStream: async (stream, from) => logOf('gateway').readStream(stream, from),
      readStreamBodies: async (stream, from) => logOf('gateway').readStreamBodies(stream, from),
      head: async () => logOf('gateway').head(),
    },
    [Symbol.dispose]: () => {
      for (const channel of channels.values()) channel.close();
    },
  };
}
