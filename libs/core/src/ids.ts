// SPDX-License-Identifier: Apache-2.0
import { hash, randomUUID } from 'node:crypto';
import { InputError } from './errors.js';

declare const brand: unique symbol;
/** A string that only the `parse` of its kind can make. */
export type Branded<Name extends string> = string & { readonly [brand]: Name };

/** `project/name`. */
export type ApplicationId = Branded<'ApplicationId'>;
/** `project/name/environment/cluster`. */
export type TargetId = Branded<'TargetId'>;
/** `sha256:` and 64 hex digits. */
export type Digest = Branded<'Digest'>;
/** `<kind>-<id>`. */
export type StreamName = Branded<'StreamName'>;

const NAME = /^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/;

/** True for a name as resources carry it: lower case, digits, `-` and `.`, at most 63 characters. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

/** Names of applications: `project/name`; a bare name is in project `default`. */
export const ApplicationId = {
  of(project: string, name: string): ApplicationId {
    return ApplicationId.parse(`${project}/${name}`);
  },
  /** @throws InputError PLB-1001 when a part is not a name. */
  parse(text: string): ApplicationId {
    const full = text.includes('/') ? text : `default/${text}`;
    const parts = full.split('/');
    if (parts.length !== 2 || !parts.every(isName)) {
      throw new InputError(
        'PLB-1001',
        `"${text}" is not an application: write NAME or PROJECT/NAME (lower case letters, digits, "-", ".")`,
      );
    }
    return full as ApplicationId;
  },
  project(id: ApplicationId): string {
    return id.slice(0, id.indexOf('/'));
  },
  name(id: ApplicationId): string {
    return id.slice(id.indexOf('/') + 1);
  },
};

/** Names of targets: one application in one environment on one cluster. */
export const TargetId = {
  of(application: string, environment: string, cluster: string): TargetId {
    return `${application}/${environment}/${cluster}` as TargetId;
  },
  parts(id: TargetId): { readonly application: ApplicationId; readonly environment: string; readonly cluster: string } {
    const [project = '', name = '', environment = '', cluster = ''] = id.split('/');
    return { application: ApplicationId.of(project, name), environment, cluster };
  },
};

const STREAM =
  /^(repository|application|version|target|cluster|project|access|subscription|log)-[A-Za-z0-9][A-Za-z0-9./_-]{0,250}$/;

/** Names of streams: the kind of aggregate, a dash, its id. */
export const StreamName = {
  /** @throws InputError PLB-1002 when the text is not a stream name. */
  parse(text: string): StreamName {
    if (!STREAM.test(text)) throw new InputError('PLB-1002', `"${text}" is not a stream name: <kind>-<id>`);
    return text as StreamName;
  },
  project: (name: string): StreamName => StreamName.parse(`project-${name}`),
  repository: (name: string): StreamName => StreamName.parse(`repository-${name}`),
  cluster: (name: string): StreamName => StreamName.parse(`cluster-${name}`),
  application: (id: string): StreamName => StreamName.parse(`application-${id}`),
  version: (application: string, version: number): StreamName => StreamName.parse(`version-${application}/${version}`),
  target: (id: string): StreamName => StreamName.parse(`target-${id}`),
  access: (id: string): StreamName => StreamName.parse(`access-${id}`),
  subscription: (name: string): StreamName => StreamName.parse(`subscription-${name}`),
};

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Content addresses. */
export const Digest = {
  /** SHA-256 of the bytes (text as UTF-8). */
  of(content: string | Uint8Array): Digest {
    return `sha256:${hash('sha256', content)}` as Digest;
  },
  /** @throws InputError PLB-1003 when the text is not a digest. */
  parse(text: string): Digest {
    if (!DIGEST.test(text))
      throw new InputError('PLB-1003', `"${text.slice(0, 80)}" is not a digest: sha256:<64 hex digits>`);
    return text as Digest;
  },
  /** The first twelve hex digits, for people. */
  short(digest: string): string {
    return digest.slice(7, 19);
  },
};

/** The first two groups of a time-ordered UUID. */
function timePart(timeMs: number): string {
  const hex = timeMs.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}

/** A fresh UUIDv7: sorts by `timeMs` (milliseconds since the epoch). */
export function uuidv7(timeMs: number): string {
  // A random UUID is random everywhere but in the places of version and variant; Node keeps a stock of them.
  return `${timePart(timeMs)}-7${randomUUID().slice(15)}`;
}

/**
 * A UUIDv8 derived from its cause: the same cause and purpose give the same id, so a repeated append is recognised.
 * `timeMs` is the time of the cause, which keeps the order that the request window relies on.
 */
export function derivedId(timeMs: number, ...parts: readonly string[]): string {
  const hex = hash('sha256', parts.join('\u0000'), 'hex');
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return `${timePart(timeMs)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The log rejects request ids of more than 30 days; a third of that is left for retries. */
const REQUEST_TIME_STEP_MS = 20 * 24 * 3_600_000;

/**
 * Returns the time for the {@link derivedId} of a request that follows from a cause, in milliseconds since the epoch:
 * the time of the cause,
 * advanced by whole steps of 20 days until it is less than 20 days old. The result stays the same for 20 days, so
 * that a request repeated
 * after a crash has the same id, also if its cause is older than the log accepts.
 * @param causeMs time of the event that the request follows from, see {@link uuidTimeMs}
 */
export function requestTimeMs(causeMs: number, nowMs: number): number {
  const steps = Math.floor((nowMs - causeMs) / REQUEST_TIME_STEP_MS);
  return causeMs + Math.max(0, steps) * REQUEST_TIME_STEP_MS;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** True for a UUIDv7 or UUIDv8 in lower case. */
export function isTimeOrderedUuid(text: string): boolean {
  return UUID.test(text);
}

/** Milliseconds since the epoch that a UUIDv7/v8 of ours carries. */
export function uuidTimeMs(uuid: string): number {
  return Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16);
}
