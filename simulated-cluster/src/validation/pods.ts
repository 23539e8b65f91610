// SPDX-License-Identifier: Apache-2.0
import { type FieldError, fieldErrors } from '../api-failure.js';
import { isObj, listAt, numberAt, type Obj, objAt, textAt, type Value } from '../value.js';
import { nameProblems, validateLabels } from './metadata.js';

/** What a pod template may be, by its owner. */
export interface TemplateRules {
  readonly restartPolicies?: readonly string[];
}

/** Checks a pod template. */
export function validateTemplate(template: Obj, field: string, errors: FieldError[], rules: TemplateRules = {}): void {
  validateLabels(objAt(template, 'metadata', 'labels'), `${field}.labels`, errors);
  const spec = objAt(template, 'spec');
  validatePodSpec(spec, `${field}.spec`, errors);
  const policy = textAt(spec, 'restartPolicy') ?? '';
  if (rules.restartPolicies !== undefined && !rules.restartPolicies.includes(policy)) {
    errors.push(fieldErrors.unsupported(`${field}.spec.restartPolicy`, policy, rules.restartPolicies));
  }
}

/** Checks a pod spec: containers, names, ports, volumes and mounts. */
export function validatePodSpec(spec: Obj, field: string, errors: FieldError[]): void {
  const volumes = validateVolumes(spec, field, errors);
  const containers = listAt(spec, 'containers');
  if (containers.length === 0) errors.push(fieldErrors.required(`${field}.containers`));
  const names = new Set<string>();
  for (const [index, container] of containers.entries())
    validateContainer(container, `${field}.containers[${index}]`, { names, volumes }, errors);
  for (const [index, container] of listAt(spec, 'initContainers').entries())
    validateContainer(container, `${field}.initContainers[${index}]`, { names, volumes }, errors);
  const account = textAt(spec, 'serviceAccountName') ?? '';
  if (account !== '')
    for (const problem of nameProblems('subdomain', account))
      errors.push(fieldErrors.invalid(`${field}.serviceAccountName`, account, problem));
  const grace = numberAt(spec, 'terminationGracePeriodSeconds');
  if (grace !== undefined && grace < 0)
    errors.push(
      fieldErrors.invalid(`${field}.terminationGracePeriodSeconds`, grace, 'must be greater than or equal to 0'),
    );
}

function validateVolumes(spec: Obj, field: string, errors: FieldError[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [index, volume] of listAt(spec, 'volumes').entries()) {
    const at = `${field}.volumes[${index}]`;
    const name = textAt(volume, 'name') ?? '';
    if (name === '') errors.push(fieldErrors.required(`${at}.name`));
    else {
      for (const problem of nameProblems('label', name)) errors.push(fieldErrors.invalid(`${at}.name`, name, problem));
      if (names.has(name)) errors.push(fieldErrors.duplicate(`${at}.name`, name));
    }
    names.add(name);
    const sources = isObj(volume) ? Object.keys(volume).filter((key) => key !== 'name') : [];
    for (const source of sources.slice(1))
      errors.push(fieldErrors.forbidden(`${at}.${source}`, 'may not specify more than 1 volume type'));
    if (isObj(volume) && isObj(volume['secret']) && (textAt(volume, 'secret', 'secretName') ?? '') === '')
      errors.push(fieldErrors.required(`${at}.secret.secretName`));
    if (isObj(volume) && isObj(volume['configMap']) && (textAt(volume, 'configMap', 'name') ?? '') === '')
      errors.push(fieldErrors.required(`${at}.configMap.name`));
  }
  return names;
}

interface Known {
  readonly names: Set<string>;
  readonly volumes: ReadonlySet<string>;
}

function validateContainer(container: Value, at: string, known: Known, errors: FieldError[]): void {
  const name = textAt(container, 'name') ?? '';
  if (name === '') errors.push(fieldErrors.required(`${at}.name`));
  else {
    for (const problem of nameProblems('label', name)) errors.push(fieldErrors.invalid(`${at}.name`, name, problem));
    if (known.names.has(name)) errors.push(fieldErrors.duplicate(`${at}.name`, name));
  }
  known.names.add(name);
  const image = textAt(container, 'image') ?? '';
  if (image === '') errors.push(fieldErrors.required(`${at}.image`));
  else if (image !== image.trim())
    errors.push(fieldErrors.invalid(`${at}.image`, image, 'must not have leading or trailing whitespace'));
  validatePorts(container, at, errors);
  validateEnv(container, at, errors);
  validateMounts(container, at, known.volumes, errors);
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    if (isObj(container) && isObj(container[probe])) validateProbe(container[probe], `${at}.${probe}`, probe, errors);
  }
}

function validatePorts(container: Value, at: string, errors: FieldError[]): void {
  const names = new Set<string>();
  for (const [index, port] of listAt(container, 'ports').entries()) {
    const number = numberAt(port, 'containerPort') ?? 0;
    const path = `${at}.ports[${index}]`;
    const name = textAt(port, 'name') ?? '';
    if (name !== '') {
      if (name.length > 15)
        errors.push(fieldErrors.invalid(`${path}.name`, name, 'must be no more than 15 characters'));
      if (!/^[-a-z0-9]+$/.test(name))
        errors.push(
          fieldErrors.invalid(
            `${path}.name`,
            name,
            'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
          ),
        );
      if (!/[a-z]/.test(name))
        errors.push(fieldErrors.invalid(`${path}.name`, name, 'must contain at least one letter (a-z)'));
      if (name.includes('--'))
        errors.push(fieldErrors.invalid(`${path}.name`, name, 'must not contain consecutive hyphens'));
      if (name.startsWith('-') || name.endsWith('-'))
        errors.push(fieldErrors.invalid(`${path}.name`, name, 'must not begin or end with a hyphen'));
      if (names.has(name)) errors.push(fieldErrors.duplicate(`${path}.name`, name));
      names.add(name);
    }
    if (number === 0) errors.push(fieldErrors.required(`${path}.containerPort`));
    else if (number < 1 || number > 65_535)
      errors.push(fieldErrors.invalid(`${path}.containerPort`, number, 'must be between 1 and 65535, inclusive'));
  }
}

function validateEnv(container: Value, at: string, errors: FieldError[]): void {
  for (const [index, entry] of listAt(container, 'env').entries()) {
    const path = `${at}.env[${index}]`;
    const name = textAt(entry, 'name') ?? '';
    if (name === '') errors.push(fieldErrors.required(`${path}.name`));
    const source = isObj(entry) ? entry['valueFrom'] : undefined;
    if (!isObj(source)) continue;
    if ((textAt(entry, 'value') ?? '') !== '')
      errors.push(fieldErrors.invalid(`${path}.valueFrom`, '', 'may not be specified when `value` is not empty'));
    if (Object.keys(source).length === 0)
      errors.push(
        fieldErrors.invalid(
          `${path}.valueFrom`,
          '',
          'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
        ),
      );
    if (Object.keys(source).length > 1)
      errors.push(fieldErrors.invalid(`${path}.valueFrom`, '', 'may not have more than one field specified at a time'));
  }
}

function validateMounts(container: Value, at: string, volumes: ReadonlySet<string>, errors: FieldError[]): void {
  const paths = new Set<string>();
  for (const [index, mount] of listAt(container, 'volumeMounts').entries()) {
    const field = `${at}.volumeMounts[${index}]`;
    const name = textAt(mount, 'name') ?? '';
    const path = textAt(mount, 'mountPath') ?? '';
    if (name === '') errors.push(fieldErrors.required(`${field}.name`));
    else if (!volumes.has(name)) errors.push(fieldErrors.notFound(`${field}.name`, name));
    if (path === '') errors.push(fieldErrors.required(`${field}.mountPath`));
    else if (paths.has(path)) errors.push(fieldErrors.invalid(`${field}.mountPath`, path, 'must be unique'));
    paths.add(path);
  }
}

const HANDLERS = ['exec', 'httpGet', 'tcpSocket', 'grpc'];

function validateProbe(probe: Obj, at: string, kind: string, errors: FieldError[]): void {
  const handlers = HANDLERS.filter((handler) => isObj(probe[handler]));
  if (handlers.length === 0) errors.push(fieldErrors.required(at, 'must specify a handler type'));
  for (const extra of handlers.slice(1))
    errors.push(fieldErrors.forbidden(`${at}.${extra}`, 'may not specify more than 1 handler type'));
  for (const key of [
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'successThreshold',
    'failureThreshold',
  ]) {
    const value = numberAt(probe, key);
    if (value !== undefined && value < 0)
      errors.push(fieldErrors.invalid(`${at}.${key}`, value, 'must be greater than or equal to 0'));
  }
  const successes = numberAt(probe, 'successThreshold');
  if (kind !== 'readinessProbe' && successes !== undefined && successes !== 1)
    errors.push(fieldErrors.invalid(`${at}.successThreshold`, successes, 'must be 1'));
}
