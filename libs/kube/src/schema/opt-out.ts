// SPDX-License-Identifier: Apache-2.0

const OPT_OUTS: readonly { readonly annotation: string; readonly applies: (value: string) => boolean }[] = [
  { annotation: 'plumbline.dev/validation', applies: (value) => value === 'disabled' },
  {
    annotation: 'argocd.argoproj.io/sync-options',
    applies: (value) => value.split(',').some((option) => option.trim() === 'Validate=false'),
  },
];

/** Whether an object with these annotations asks not to be held against the schema of its kind. */
export function optsOutOfValidation(annotations: unknown): boolean {
  if (typeof annotations !== 'object' || annotations === null) return false;
  return OPT_OUTS.some(({ annotation, applies }) => {
    const value: unknown = Reflect.get(annotations, annotation);
    return typeof value === 'string' && applies(value);
  });
}
