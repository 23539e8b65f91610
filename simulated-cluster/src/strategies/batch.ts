// SPDX-License-Identifier: Apache-2.0
import { type FieldError, fieldErrors } from '../api-failure.js';
import { child, type Draft, isDraft } from '../defaults/draft.js';
import { type PrepareContext, strategy, type Strategy } from '../strategy.js';
import { validateTemplate } from '../validation/pods.js';
import { requireCount } from '../validation/selectors.js';
import { equalValues, type Obj, objAt, textAt } from '../value.js';

/** A job's selector and its labels are made from its uid unless it brings its own. */
function selectByUid(draft: Draft, _: PrepareContext, given: Obj): void {
  const spec = child(draft, 'spec');
  if (spec['manualSelector'] === true) return;
  const metadata = child(draft, 'metadata');
  const [uid, name] = [String(metadata['uid'] ?? ''), String(metadata['name'] ?? '')];
  const labels = {
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  };
  const template = child(child(spec, 'template'), 'metadata');
  const grown: Draft = { ...(isDraft(template['labels']) ? template['labels'] : {}), ...labels };
  template['labels'] = grown;
  // Labels that the defaulting took over from the template are the template's own map in the API server, and grow
  // with it.
  const taken = objAt(given, 'metadata')['labels'];
  if (taken === undefined || taken === objAt(given, 'spec', 'template', 'metadata')['labels'])
    metadata['labels'] = { ...grown };
  const wanted = spec['selector'];
  const selector: Draft = isDraft(wanted) ? wanted : {};
  selector['matchLabels'] = {
    ...(isDraft(selector['matchLabels']) ? selector['matchLabels'] : {}),
    'batch.kubernetes.io/controller-uid': uid,
  };
  spec['selector'] = selector;
}

function validateJobSpec(object: Obj, path: readonly string[], errors: FieldError[]): void {
  const spec = objAt(object, ...path);
  const field = path.join('.');
  for (const key of ['parallelism', 'completions', 'backoffLimit', 'activeDeadlineSeconds', 'ttlSecondsAfterFinished'])
    requireCount(object, `${field}.${key}`, errors);
  const template = objAt(spec, 'template');
  const policy = textAt(template, 'spec', 'restartPolicy') ?? '';
  validateTemplate(template, `${field}.template`, errors);
  if (policy === 'Always') {
    errors.push({
      field: `${field}.template.spec.restartPolicy`,
      reason: 'FieldValueRequired',
      message: 'Required value: valid values: "OnFailure", "Never"',
    });
  }
}

function immutableJob(object: Obj, live: Obj, errors: FieldError[]): void {
  const [next, old] = [objAt(object, 'spec'), objAt(live, 'spec')];
  for (const key of [
    'completions',
    'selector',
    'template',
    'completionMode',
    'podFailurePolicy',
    'backoffLimitPerIndex',
    'managedBy',
    'successPolicy',
  ]) {
    if (!equalValues(next[key], old[key]))
      errors.push(fieldErrors.invalid(`spec.${key}`, next[key], 'field is immutable'));
  }
}

/** Kinds of batch/v1. */
export const BATCH: Readonly<Record<string, Strategy>> = {
  'batch/Job': strategy({
    hasStatus: true,
    generationOf: ['spec'],
    resetByStatus: ['spec'],
    prepareCreate: selectByUid,
    validate: (object, errors) => validateJobSpec(object, ['spec'], errors),
    validateUpdate: immutableJob,
  }),
  'batch/CronJob': strategy({
    hasStatus: true,
    generationOf: ['spec'],
    resetByStatus: ['spec'],
    validate: (object, errors) => {
      const schedule = textAt(object, 'spec', 'schedule') ?? '';
      if (schedule === '') errors.push(fieldErrors.required('spec.schedule'));
      else if (!/^@\w+|^(\S+\s+){4}\S+$/.test(schedule))
        errors.push(
          fieldErrors.invalid(
            'spec.schedule',
            schedule,
            `expected exactly 5 fields, found ${schedule.trim().split(/\s+/).length}: [${schedule}]`,
          ),
        );
      requireCount(object, 'spec.startingDeadlineSeconds', errors);
      validateJobSpec(object, ['spec', 'jobTemplate', 'spec'], errors);
      const name = textAt(object, 'metadata', 'name') ?? '';
      if (name.length > 52)
        errors.push(fieldErrors.invalid('metadata.name', name, 'must be no more than 52 characters'));
    },
  }),
};
