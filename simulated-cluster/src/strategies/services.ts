// SPDX-License-Identifier: Apache-2.0
import { failures, type FieldError, fieldErrors } from '../api-failure.js';
import { child, type Draft, drafts } from '../defaults/draft.js';
import { type PrepareContext, strategy, type Strategy } from '../strategy.js';
import { isObj, listAt, numberAt, type Obj, objAt, textAt, textsAt } from '../value.js';

function refusal(draft: Draft, error: FieldError): Error {
  return failures.invalid('', 'Service', textAt(draft, 'metadata', 'name') ?? '', [error]);
}

function allocateAddress(draft: Draft, live: Obj | undefined, context: PrepareContext): void {
  const spec = child(draft, 'spec');
  const old = objAt(live, 'spec');
  if (spec['type'] === 'ExternalName') {
    for (const key of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy']) delete spec[key];
    return;
  }
  const kept = textAt(old, 'clusterIP');
  const wanted = typeof spec['clusterIP'] === 'string' && spec['clusterIP'] !== '' ? spec['clusterIP'] : kept;
  if (wanted === 'None') spec['clusterIP'] = 'None';
  else if (wanted === undefined) spec['clusterIP'] = context.allocate('clusterIP');
  else {
    if (wanted !== kept && context.isTaken('clusterIP', wanted)) {
      throw refusal(
        draft,
        fieldErrors.invalid(
          'spec.clusterIPs',
          [wanted],
          `failed to allocate IP ${wanted}: provided IP is already allocated`,
        ),
      );
    }
    spec['clusterIP'] = wanted;
  }
  const listed = Array.isArray(spec['clusterIPs']) ? spec['clusterIPs'] : [];
  if (listed.length === 0 || (spec['clusterIP'] !== kept && listed[0] === kept))
    spec['clusterIPs'] = [spec['clusterIP'] ?? ''];
  if (!Array.isArray(spec['ipFamilies']))
    spec['ipFamilies'] = textsAt(old, 'ipFamilies').length > 0 ? [...textsAt(old, 'ipFamilies')] : ['IPv4'];
  if (spec['ipFamilyPolicy'] === undefined) spec['ipFamilyPolicy'] = textAt(old, 'ipFamilyPolicy') ?? 'SingleStack';
}

function allocatePorts(draft: Draft, live: Obj | undefined, context: PrepareContext): void {
  const spec = child(draft, 'spec');
  const external =
    spec['type'] === 'NodePort' || (spec['type'] === 'LoadBalancer' && spec['allocateLoadBalancerNodePorts'] !== false);
  const had = new Map(
    listAt(live, 'spec', 'ports')
      .filter(isObj)
      .map((port) => [`${String(port['protocol'])}/${String(port['port'])}`, numberAt(port, 'nodePort')]),
  );
  for (const [index, port] of drafts(spec, 'ports').entries()) {
    if (!external) {
      if (live !== undefined && port['nodePort'] === had.get(`${String(port['protocol'])}/${String(port['port'])}`))
        delete port['nodePort'];
      continue;
    }
    const wanted =
      typeof port['nodePort'] === 'number' && port['nodePort'] !== 0
        ? port['nodePort']
        : had.get(`${String(port['protocol'])}/${String(port['port'])}`);
    if (wanted === undefined) port['nodePort'] = context.allocate('nodePort');
    else {
      const at = `spec.ports[${index}].nodePort`;
      const isNew = ![...had.values()].includes(wanted);
      if (wanted < 30_000 || wanted > 32_767)
        throw refusal(
          draft,
          fieldErrors.invalid(
            at,
            wanted,
            'provided port is not in the valid range. The range of valid ports is 30000-32767',
          ),
        );
      if (isNew && context.isTaken('nodePort', wanted))
        throw refusal(draft, fieldErrors.invalid(at, wanted, 'provided port is already allocated'));
      port['nodePort'] = wanted;
    }
  }
}

function validateService(object: Obj, errors: FieldError[]): void {
  const spec = objAt(object, 'spec');
  const type = textAt(spec, 'type');
  const ports = listAt(spec, 'ports');
  if (ports.length === 0 && textAt(spec, 'clusterIP') !== 'None' && type !== 'ExternalName')
    errors.push(fieldErrors.required('spec.ports'));
  if (type === 'ExternalName' && (textAt(spec, 'externalName') ?? '') === '')
    errors.push(fieldErrors.required('spec.externalName'));
  const names = new Set<string>();
  const keys = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const at = `spec.ports[${index}]`;
    const name = textAt(port, 'name') ?? '';
    if (ports.length > 1 && name === '') errors.push(fieldErrors.required(`${at}.name`));
    if (name !== '') {
      if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)) {
        errors.push(
          fieldErrors.invalid(
            `${at}.name`,
            name,
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
          ),
        );
      }
      if (names.has(name)) errors.push(fieldErrors.duplicate(`${at}.name`, name));
      names.add(name);
    }
    const number = numberAt(port, 'port') ?? 0;
    if (number < 1 || number > 65_535)
      errors.push(fieldErrors.invalid(`${at}.port`, number, 'must be between 1 and 65535, inclusive'));
    const target = isObj(port) ? port['targetPort'] : undefined;
    if (typeof target === 'number' && (target < 1 || target > 65_535))
      errors.push(fieldErrors.invalid(`${at}.targetPort`, target, 'must be between 1 and 65535, inclusive'));
    const key = `${textAt(port, 'protocol') ?? ''}/${number}`;
    if (keys.has(key))
      errors.push(
        fieldErrors.duplicate(at, {
          Name: '',
          Protocol: textAt(port, 'protocol') ?? '',
          AppProtocol: null,
          Port: number,
          TargetPort: 0,
          NodePort: 0,
        }),
      );
    keys.add(key);
  }
}

function validateServiceUpdate(object: Obj, live: Obj, errors: FieldError[]): void {
  const [next, old] = [objAt(object, 'spec'), objAt(live, 'spec')];
  const [address, before] = [textAt(next, 'clusterIP') ?? '', textAt(old, 'clusterIP') ?? ''];
  if (
    textAt(next, 'type') !== 'ExternalName' &&
    textAt(old, 'type') !== 'ExternalName' &&
    before !== '' &&
    address !== before
  ) {
    errors.push(fieldErrors.invalid('spec.clusterIPs[0]', textsAt(next, 'clusterIPs'), 'may not change once set'));
  }
}

/** What belongs to another type of service goes with it, unless it was just set. */
function dropOfOtherTypes(draft: Draft, live: Obj): void {
  const spec = child(draft, 'spec');
  const old = objAt(live, 'spec');
  const unchanged = (key: string): boolean => spec[key] === old[key];
  const external =
    spec['type'] === 'NodePort' ||
    spec['type'] === 'LoadBalancer' ||
    (Array.isArray(spec['externalIPs']) && spec['externalIPs'].length > 0);
  if (!external && unchanged('externalTrafficPolicy')) delete spec['externalTrafficPolicy'];
  if (spec['type'] !== 'LoadBalancer')
    for (const key of ['allocateLoadBalancerNodePorts', 'loadBalancerClass']) if (unchanged(key)) delete spec[key];
}

/** Service, with its addresses and ports. */
export const SERVICE: Readonly<Record<string, Strategy>> = {
  '/Service': strategy({
    nameRule: 'label1035',
    hasStatus: true,
    resetByStatus: ['spec'],
    createOnUpdate: true,
    prepareCreate: (draft, context) => {
      allocateAddress(draft, undefined, context);
      allocatePorts(draft, undefined, context);
    },
    prepareUpdate: (draft, live, context) => {
      dropOfOtherTypes(draft, live);
      allocateAddress(draft, live, context);
      allocatePorts(draft, live, context);
    },
    validate: validateService,
    validateUpdate: validateServiceUpdate,
  }),
};
