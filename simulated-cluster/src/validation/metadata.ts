// SPDX-License-Identifier: Apache-2.0
import { type FieldError, fieldErrors } from '../api-failure.js';
import type { Resource } from '../resource.js';
import type { NameRule } from '../strategy.js';
import { equalValues, isObj, listAt, type Obj, objAt, textAt, textsAt, type Value } from '../value.js';

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

const SUBDOMAIN_TEXT =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_TEXT =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035_TEXT =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED_TEXT =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE_TEXT =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const TOTAL_ANNOTATIONS_BYTES = 262_144;

/** Why a text is no name of the given kind; empty if it is one. */
export function nameProblems(rule: NameRule, name: string): string[] {
  const problems: string[] = [];
  switch (rule) {
    case 'path':
      if (name === '.' || name === '..') problems.push(`may not be '${name}'`);
      else for (const illegal of ['/', '%']) if (name.includes(illegal)) problems.push(`may not contain '${illegal}'`);
      return problems;
    case 'label':
      if (name.length > 63) problems.push('must be no more than 63 characters');
      return LABEL.test(name) ? problems : [...problems, LABEL_TEXT];
    case 'label1035':
      if (name.length > 63) problems.push('must be no more than 63 characters');
      return LABEL_1035.test(name) ? problems : [...problems, LABEL_1035_TEXT];
    case 'subdomain':
      if (name.length > 253) problems.push('must be no more than 253 characters');
      return SUBDOMAIN.test(name) ? problems : [...problems, SUBDOMAIN_TEXT];
  }
}

/** Why a text is no qualified name (`prefix/name`), as label keys are. */
export function qualifiedNameProblems(name: string): string[] {
  const parts = name.split('/');
  const problems: string[] = [];
  let local = parts[0] ?? '';
  if (parts.length === 2) {
    const prefix = parts[0] ?? '';
    local = parts[1] ?? '';
    if (prefix === '') problems.push('prefix part must be non-empty');
    else problems.push(...nameProblems('subdomain', prefix).map((problem) => `prefix part ${problem}`));
  } else if (parts.length > 2) {
    return [
      "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
    ];
  }
  if (local === '') problems.push('name part must be non-empty');
  else if (local.length > 63) problems.push('name part must be no more than 63 bytes');
  if (!QUALIFIED.test(local)) problems.push(QUALIFIED_TEXT);
  return problems;
}

/** Why a text is no label value. */
export function labelValueProblems(value: string): string[] {
  const problems = value.length > 63 ? ['must be no more than 63 bytes'] : [];
  return LABEL_VALUE.test(value) ? problems : [...problems, LABEL_VALUE_TEXT];
}

/** Checks a map of labels. */
export function validateLabels(labels: Obj, field: string, errors: FieldError[]): void {
  for (const key of Object.keys(labels).sort()) {
    for (const problem of qualifiedNameProblems(key)) errors.push(fieldErrors.invalid(field, key, problem));
    const value = labels[key];
    if (typeof value === 'string')
      for (const problem of labelValueProblems(value)) errors.push(fieldErrors.invalid(field, value, problem));
  }
}

const STANDARD_FINALIZERS = ['kubernetes', 'orphan', 'foregroundDeletion'];

/** Checks the metadata of a new or changed object. */
export function validateMetadata(
  object: Obj,
  resource: Pick<Resource, 'strategy' | 'namespaced' | 'custom'>,
  errors: FieldError[],
): void {
  const { namespaced } = resource;
  const rule = resource.strategy.nameRule;
  const metadata = objAt(object, 'metadata');
  const name = textAt(metadata, 'name') ?? '';
  const generateName = textAt(metadata, 'generateName') ?? '';
  if (generateName !== '') {
    const base = generateName.endsWith('-') ? generateName.slice(0, -1) : generateName;
    for (const problem of nameProblems(rule, base))
      errors.push(fieldErrors.invalid('metadata.generateName', generateName, problem));
  }
  if (name === '') errors.push(fieldErrors.required('metadata.name', 'name or generateName is required'));
  else for (const problem of nameProblems(rule, name)) errors.push(fieldErrors.invalid('metadata.name', name, problem));
  const namespace = textAt(metadata, 'namespace') ?? '';
  if (namespaced) {
    if (namespace === '') errors.push(fieldErrors.required('metadata.namespace'));
    else
      for (const problem of nameProblems('label', namespace))
        errors.push(fieldErrors.invalid('metadata.namespace', namespace, problem));
  } else if (namespace !== '') errors.push(fieldErrors.forbidden('metadata.namespace', 'not allowed on this type'));
  validateLabels(objAt(metadata, 'labels'), 'metadata.labels', errors);
  validateAnnotations(objAt(metadata, 'annotations'), errors);
  validateOwners(listAt(metadata, 'ownerReferences'), errors);
  for (const finalizer of textsAt(metadata, 'finalizers')) {
    for (const problem of qualifiedNameProblems(finalizer))
      errors.push(fieldErrors.invalid('metadata.finalizers', finalizer, problem));
  }
  const finalizers = textsAt(metadata, 'finalizers');
  for (const [index, finalizer] of finalizers.entries()) {
    if (resource.custom === undefined && !STANDARD_FINALIZERS.includes(finalizer) && !finalizer.includes('/')) {
      errors.push(
        fieldErrors.invalid(
          `metadata.finalizers[${index}]`,
          finalizer,
          'name is neither a standard finalizer name nor is it fully qualified',
        ),
      );
    }
  }
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    errors.push(
      fieldErrors.invalid(
        'metadata.finalizers',
        finalizers,
        'finalizer orphan and foregroundDeletion cannot be both set',
      ),
    );
  }
}

function validateAnnotations(annotations: Obj, errors: FieldError[]): void {
  let totalBytes = 0;
  for (const key in annotations) {
    for (const problem of qualifiedNameProblems(key.toLowerCase()))
      errors.push(fieldErrors.invalid('metadata.annotations', key, problem));
    totalBytes += Buffer.byteLength(key) + Buffer.byteLength(String(annotations[key]));
  }
  if (totalBytes > TOTAL_ANNOTATIONS_BYTES)
    errors.push(fieldErrors.tooLong('metadata.annotations', TOTAL_ANNOTATIONS_BYTES));
}

function validateOwners(owners: readonly Value[], errors: FieldError[]): void {
  const controllers: string[] = [];
  for (const owner of owners) {
    if (!isObj(owner)) continue;
    for (const key of ['apiVersion', 'kind', 'name', 'uid']) {
      if ((textAt(owner, key) ?? '') === '')
        errors.push(
          fieldErrors.invalid(
            `metadata.ownerReferences.${key}`,
            '',
            key === 'apiVersion' ? 'version must not be empty' : 'must not be empty',
          ),
        );
    }
    if (owner['controller'] === true) controllers.push(`${textAt(owner, 'kind') ?? ''}/${textAt(owner, 'name') ?? ''}`);
  }
  const [first, second] = controllers;
  if (second === undefined) return;
  errors.push(
    fieldErrors.invalid(
      'metadata.ownerReferences',
      owners,
      `Only one reference can have Controller set to true. Found "true" in references for ${first ?? ''} and ${second}`,
    ),
  );
}

/** Checks what may not change in metadata. */
export function validateMetadataUpdate(object: Obj, live: Obj, errors: FieldError[]): void {
  const [next, old] = [objAt(object, 'metadata'), objAt(live, 'metadata')];
  for (const key of [
    'name',
    'namespace',
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
  ]) {
    if (!equalValues(next[key], old[key]))
      errors.push(fieldErrors.invalid(`metadata.${key}`, next[key], 'field is immutable'));
  }
  if (textAt(old, 'deletionTimestamp') === undefined) return;
  const had = new Set(textsAt(old, 'finalizers'));
  const added = textsAt(next, 'finalizers').filter((finalizer) => !had.has(finalizer));
  if (added.length > 0) {
    const list = `[]string{${added.map((finalizer) => JSON.stringify(finalizer)).join(', ')}}`;
    errors.push(
      fieldErrors.forbidden(
        'metadata.finalizers',
        `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`,
      ),
    );
  }
}
