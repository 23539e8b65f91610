// SPDX-License-Identifier: Apache-2.0
import { type FieldError, fieldErrors } from '../api-failure.js';
import { isObj, listAt, type Obj, objAt, textAt, textsAt, valueAt } from '../value.js';
import { labelValueProblems, qualifiedNameProblems, validateLabels } from './metadata.js';

/** Whether labels meet a `LabelSelector`. An empty selector meets everything. */
export function selects(selector: Obj, labels: Obj): boolean {
  const wanted = objAt(selector, 'matchLabels');
  for (const key in wanted) if (labels[key] !== wanted[key]) return false;
  return listAt(selector, 'matchExpressions').every((expression) => {
    const value = labels[textAt(expression, 'key') ?? ''];
    const values = textsAt(expression, 'values');
    switch (textAt(expression, 'operator')) {
      case 'In':
        return typeof value === 'string' && values.includes(value);
      case 'NotIn':
        return typeof value !== 'string' || !values.includes(value);
      case 'Exists':
        return value !== undefined;
      case 'DoesNotExist':
        return value === undefined;
      default:
        return false;
    }
  });
}

/** Checks a `LabelSelector`. */
export function validateLabelSelector(selector: Obj, field: string, errors: FieldError[]): void {
  validateLabels(objAt(selector, 'matchLabels'), `${field}.matchLabels`, errors);
  for (const [index, expression] of listAt(selector, 'matchExpressions').entries()) {
    const at = `${field}.matchExpressions[${index}]`;
    const operator = textAt(expression, 'operator') ?? '';
    const values = textsAt(expression, 'values');
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0)
        errors.push(fieldErrors.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0)
        errors.push(
          fieldErrors.forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        );
    } else errors.push(fieldErrors.invalid(`${at}.operator`, operator, 'not a valid selector operator'));
    for (const problem of qualifiedNameProblems(textAt(expression, 'key') ?? ''))
      errors.push(fieldErrors.invalid(`${at}.key`, textAt(expression, 'key') ?? '', problem));
    for (const value of values)
      for (const problem of labelValueProblems(value)) errors.push(fieldErrors.invalid(`${at}.values`, value, problem));
  }
}

/** Checks a workload's selector against its pod template. */
export function validateSelector(object: Obj, errors: FieldError[]): void {
  const selector = objAt(object, 'spec')['selector'];
  const labels = objAt(object, 'spec', 'template', 'metadata')['labels'];
  if (!isObj(selector)) errors.push(fieldErrors.required('spec.selector'));
  else {
    validateLabelSelector(selector, 'spec.selector', errors);
    if (
      objAt(selector, 'matchLabels') &&
      Object.keys(objAt(selector, 'matchLabels')).length + listAt(selector, 'matchExpressions').length === 0
    ) {
      errors.push(fieldErrors.invalid('spec.selector', selector, 'empty selector is invalid for deployment'));
    }
  }
  if (!isObj(selector) || !selects(selector, isObj(labels) ? labels : {})) {
    errors.push(
      fieldErrors.invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'),
    );
  }
}

/** Checks that a number, if given, is not negative. */
export function requireCount(object: Obj, path: string, errors: FieldError[]): void {
  const value = valueAt(object, ...path.split('.'));
  if (typeof value === 'number' && value < 0)
    errors.push(fieldErrors.invalid(path, value, 'must be greater than or equal to 0'));
}
