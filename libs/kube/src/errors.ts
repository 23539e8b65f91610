// SPDX-License-Identifier: Apache-2.0
import { type ErrorCodeOf, messageOf, PlumblineError, type RetryAdvice, UpstreamError } from '@plumbline/core';

/** One cause of a refusal: which field, and why. */
export interface KubeCause {
  /** The API's own word, such as `FieldValueInvalid` or `FieldManagerConflict`. */
  readonly reason: string;
  /** A path such as `.spec.replicas` or `spec.template.spec.containers[0].image`; empty when the cause names none. */
  readonly field: string;
  /** Empty for Secrets. */
  readonly message: string;
  /** The change was refused because the field (or the whole object) cannot change after creation. */
  readonly immutable: boolean;
}

/** Who denied a request that was otherwise valid. */
export interface KubeDenial {
  readonly by: 'policy' | 'webhook' | 'quota' | 'rbac' | 'namespace-terminating' | 'other';
  /** Name of the policy, webhook or quota. */
  readonly name?: string;
}

/** A field that another manager owns. */
export interface FieldConflict {
  readonly manager: string;
  readonly field: string;
  /** Set when the other manager wrote through a subresource such as `scale`. */
  readonly subresource?: string;
}

/** What was asked for when the server refused; goes into the message. */
export interface RequestSubject {
  /** A verb for people, such as `apply`. */
  readonly verb: string;
  readonly group: string;
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly cluster?: string | undefined;
}

interface StatusBody {
  readonly message?: string;
  readonly reason?: string;
  readonly details?: {
    readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[];
    readonly retryAfterSeconds?: number;
  };
}

interface Parts {
  readonly status: number;
  readonly reason: string;
  readonly causes: readonly KubeCause[];
  readonly conflicts: readonly FieldConflict[];
  readonly denial: KubeDenial | undefined;
  readonly retryAfterMs: number | undefined;
}

/**
 * The API server answered and refused. `status`, `reason` and `causes` are for decisions; the message is for people.
 * For Secrets the message is rebuilt from field paths and reasons, because the server's own text quotes values.
 */
export class KubeApiError extends PlumblineError {
  readonly retry: RetryAdvice;
  readonly httpStatus = 502;
  /** HTTP status of the API server's answer. */
  readonly status: number;
  /** The API's own word, such as `NotFound`, `Conflict`, `Invalid`, `AlreadyExists`, `Expired`. */
  readonly reason: string;
  readonly causes: readonly KubeCause[];
  /** Fields that other managers own; empty unless this is a field-manager conflict. */
  readonly conflicts: readonly FieldConflict[];
  /** Set when admission (policy, webhook, quota) or authorisation denied the request. */
  readonly denial: KubeDenial | undefined;
  /** From `Retry-After`, where the server sent it. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCodeOf<'upstream'>, message: string, parts: Parts) {
    super(code, message, {
      details: {
        status: parts.status,
        reason: parts.reason,
        causes: parts.causes,
        ...(parts.conflicts.length > 0 ? { conflicts: parts.conflicts } : {}),
        ...(parts.denial === undefined ? {} : { denial: parts.denial }),
      },
    });
    this.status = parts.status;
    this.reason = parts.reason;
    this.causes = parts.causes;
    this.conflicts = parts.conflicts;
    this.denial = parts.denial;
    this.retryAfterMs = parts.retryAfterMs;
    this.retry = adviceFor(parts);
  }
}

/** The object, or the kind itself, does not exist. */
export function isNotFound(error: unknown): error is KubeApiError {
  return error instanceof KubeApiError && error.status === 404;
}

/** Stale resourceVersion, other UID, or another manager's field. */
export function isConflict(error: unknown): error is KubeApiError {
  return error instanceof KubeApiError && error.status === 409;
}

/** An object of that name exists already (create). */
export function isAlreadyExists(error: unknown): error is KubeApiError {
  return error instanceof KubeApiError && error.reason === 'AlreadyExists';
}

/** Server-side apply met fields of other managers; `error.conflicts` names them. */
export function isFieldManagerConflict(error: unknown): error is KubeApiError {
  return error instanceof KubeApiError && error.conflicts.length > 0;
}

/**
 * The object is wrong (422, 400 from strict field validation, or the 500 of a server-side apply that misfits its
 * schema): the same request can never pass.
 */
export function isInvalid(error: unknown): error is KubeApiError {
  return error instanceof KubeApiError && (error.status === 422 || error.status === 400 || error.reason === 'Invalid');
}

/** A field that cannot change after creation would have to. */
export function isImmutable(error: unknown): error is KubeApiError {
  return error instanceof KubeApiError && error.causes.some((cause) => cause.immutable);
}

/** Denied by authorisation, quota or a validating webhook (403); `error.denial` says by whom. */
export function isForbidden(error: unknown): error is KubeApiError {
  return error instanceof KubeApiError && error.status === 403;
}

/** Denied by a policy, a webhook or a quota, whatever status they answered with. */
export function isAdmissionDenial(error: unknown): error is KubeApiError {
  const by = error instanceof KubeApiError ? error.denial?.by : undefined;
  return by === 'policy' || by === 'webhook' || by === 'quota';
}

/** The server asks for less (429). */
export function isTooManyRequests(error: unknown): error is KubeApiError {
  return error instanceof KubeApiError && error.status === 429;
}

/** A resourceVersion or continue token is too old (410): list again. */
export function isGone(error: unknown): error is KubeApiError {
  return error instanceof KubeApiError && error.status === 410;
}

const IMMUTABLE =
  /immutable|cannot change roleRef|updates to .* forbidden|may not (be )?change|cannot be (changed|modified|updated)|can(not| not) change|not be changed in an update/i;
const CONFLICT = /^conflict with "(.*?)"(?: with subresource "([^"]*)")?(?: using .*)?$/s;

function adviceFor({ status, reason, conflicts, denial }: Parts): RetryAdvice {
  if (conflicts.length > 0 || reason === 'Invalid') return 'never';
  if (status === 409 || status === 410) return 'after-reload';
  if (status === 401 || status === 408 || status === 429 || status >= 500 || reason === 'Timeout') return 'after-delay';
  return denial?.by === 'quota' || denial?.by === 'namespace-terminating' ? 'after-delay' : 'never';
}

function denialOf(status: number, body: StatusBody): KubeDenial | undefined {
  const text = body.message ?? '';
  const policy = /ValidatingAdmissionPolicy '([^']*)'/.exec(text);
  if (policy?.[1] !== undefined) return { by: 'policy', name: policy[1] };
  const webhook = /admission webhook "([^"]*)" denied/.exec(text);
  if (webhook?.[1] !== undefined) return { by: 'webhook', name: webhook[1] };
  if (status !== 403) return undefined;
  const quota = /exceeded quota: ([^,]*),|status unknown for quota: ([^,]*),/.exec(text);
  if (quota !== null) return { by: 'quota', name: quota[1] ?? quota[2] ?? '' };
  if (body.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') === true)
    return { by: 'namespace-terminating' };
  return {
    by:
      / cannot (\S+) resource /.test(text) || / cannot (get|post|put|patch|delete) path /i.test(text)
        ? 'rbac'
        : 'other',
  };
}

function conflictsOf(body: StatusBody): FieldConflict[] {
  const found: FieldConflict[] = [];
  for (const cause of body.details?.causes ?? []) {
    if (cause.reason !== 'FieldManagerConflict') continue;
    const match = CONFLICT.exec(cause.message ?? '');
    const conflict = { manager: match?.[1] ?? 'unknown', field: cause.field ?? '' };
    found.push(match?.[2] === undefined ? conflict : { ...conflict, subresource: match[2] });
  }
  return found;
}

/** Strict decoding reports its findings in the text alone; they name fields, not values. */
function strictCauses(text: string): KubeCause[] {
  return [...text.matchAll(/(unknown|duplicate) field "([^"]*)"/g)].map(([, what = '', field = '']) => ({
    reason: what === 'unknown' ? 'FieldUnknown' : 'FieldValueDuplicate',
    field,
    message: `${what} field`,
    immutable: false,
  }));
}

/**
 * Server-side apply answers 500 without a reason to an object that does not fit its schema, so it looks like a fault
 * of the server;
 * the paths are in the text alone: one after the prefix, or one a line after `errors:`.
 */
const MISFIT = /^failed to (?:create typed patch object|convert new object) \(.*?\)(?: to proper version)?: /s;
const MISFIT_LINE = /^\s*(\.(?:[^[\]:\s]|\[[^\]]*\])*): (.*)$/gm;

function misfitCauses(text: string): KubeCause[] {
  const rest = text.replace(MISFIT, '');
  const found = [...rest.matchAll(MISFIT_LINE)].map(([, field = '', message = '']) => ({
    reason: misfitReason(message),
    field,
    message,
    immutable: false,
  }));
  return found.length > 0 ? found : [{ reason: misfitReason(rest), field: '', message: rest, immutable: false }];
}

function misfitReason(message: string): string {
  if (message.includes('field not declared in schema')) return 'FieldUnknown';
  if (message.includes('duplicate entries for key')) return 'FieldValueDuplicate';
  if (message.startsWith('expected ')) return 'FieldValueTypeInvalid';
  return message.includes('illegal base64') ? 'IllegalBase64' : 'FieldValueInvalid';
}

function causesOf(status: number, body: StatusBody): KubeCause[] {
  const text = body.message ?? '';
  const listed = (body.details?.causes ?? []).map((cause) => ({
    reason: cause.reason ?? '',
    field: cause.field ?? '',
    message: cause.message ?? '',
    immutable: IMMUTABLE.test(cause.message ?? ''),
  }));
  const found =
    listed.length > 0 ? listed : status === 500 && MISFIT.test(text) ? misfitCauses(text) : strictCauses(text);
  // Validation runs more than once over some fields.
  return [...new Map(found.map((cause) => [JSON.stringify(cause), cause])).values()];
}

function codeFor({ status, reason, conflicts, denial }: Parts): ErrorCodeOf<'upstream'> {
  if (conflicts.length > 0) return 'PLB-6103';
  if (denial?.by === 'policy' || denial?.by === 'webhook' || denial?.by === 'quota') return 'PLB-6106';
  if (reason === 'AlreadyExists') return 'PLB-6104';
  if (reason === 'Invalid') return 'PLB-6105';
  if (status >= 500) return 'PLB-6112';
  const codes: Readonly<Record<number, ErrorCodeOf<'upstream'>>> = {
    400: 'PLB-6105',
    401: 'PLB-6108',
    403: 'PLB-6107',
    404: 'PLB-6101',
    409: 'PLB-6102',
    410: 'PLB-6110',
    413: 'PLB-6111',
    422: 'PLB-6105',
    429: 'PLB-6109',
  };
  return codes[status] ?? 'PLB-6100';
}

function describe(subject: RequestSubject): string {
  const kind = subject.group === '' ? subject.kind : `${subject.kind}.${subject.group}`;
  const name =
    subject.name === undefined
      ? ''
      : ` ${subject.namespace === undefined ? '' : `${subject.namespace}/`}${subject.name}`;
  return `${subject.verb} ${kind}${name}${subject.cluster === undefined ? '' : ` on cluster ${subject.cluster}`}`;
}

function withheld(parts: Parts): string {
  const fields = parts.causes.map(
    (cause) => `${cause.field === '' ? 'the object' : cause.field}: ${cause.immutable ? 'immutable' : cause.reason}`,
  );
  const conflicts = parts.conflicts.map((conflict) => `${conflict.field} is owned by ${conflict.manager}`);
  const denial =
    parts.denial === undefined
      ? []
      : [`denied by ${parts.denial.by}${parts.denial.name === undefined ? '' : ` ${parts.denial.name}`}`];
  const known = [...denial, ...conflicts, ...(conflicts.length > 0 ? [] : fields)];
  return `${known.join('; ')}${known.length > 0 ? ' ' : ''}(the server's text is withheld: it may quote secret values)`;
}

/** `Retry-After` in seconds, from the header or from the status body. */
export function retryAfterMsOf(headers: Readonly<Record<string, string>>, seconds?: number): number | undefined {
  const value = headers['retry-after'];
  const parsed = value === undefined ? seconds : Number(value);
  return parsed === undefined || !Number.isFinite(parsed) || parsed < 0 ? undefined : parsed * 1_000;
}

function parseStatus(text: string): StatusBody {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' && body !== null ? (body as StatusBody) : {};
  } catch {
    // Proxies and load balancers in front of the API server answer in HTML or plain text.
    return { message: text.slice(0, 500) };
  }
}

/** The error for a refusal of the API server: `text` is the body of its answer. */
export function apiErrorFrom(
  subject: RequestSubject,
  answer: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly text: string },
): KubeApiError {
  const body = parseStatus(answer.text);
  const secret = subject.group === '' && subject.kind === 'Secret';
  const misfit = answer.status === 500 && MISFIT.test(body.message ?? '');
  const causes = causesOf(answer.status, body);
  const parts: Parts = {
    status: answer.status,
    reason: body.reason ?? (misfit ? 'Invalid' : ''),
    causes: secret ? causes.map((cause) => ({ ...cause, message: '' })) : causes,
    conflicts: conflictsOf(body),
    denial: denialOf(answer.status, body),
    retryAfterMs: retryAfterMsOf(answer.headers, body.details?.retryAfterSeconds),
  };
  const why = secret && answer.status !== 404 ? withheld(parts) : (body.message ?? '').slice(0, 4_000);
  const label = parts.reason === '' ? `HTTP ${answer.status}` : `HTTP ${answer.status} ${parts.reason}`;
  return new KubeApiError(codeFor(parts), `the API server refused to ${describe(subject)} (${label}): ${why}`, parts);
}

/**
 * No answer arrived (or it broke off): the network, TLS, or a server that is down. The request may or may not have
 * had its effect.
 */
export class KubeTransportError extends UpstreamError {}

/** Wraps whatever a connection threw. `where` is the server's address without credentials. */
export function transportError(where: string, cause: unknown): KubeTransportError {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
  const tls = /CERT|TLS|SSL|VERIFY|SELF_SIGNED/.test(code);
  const advice = tls ? '; check the certificate authority and client certificate of this cluster' : '';
  return new KubeTransportError(
    tls ? 'PLB-6122' : 'PLB-6120',
    `no answer from the API server at ${where}: ${messageOf(cause)}${advice}`,
    {
      cause,
      details: code === '' ? {} : { code },
    },
  );
}
