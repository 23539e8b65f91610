// SPDX-License-Identifier: Apache-2.0

/** Key of a version document: the number is padded so that keys sort by it. */
export function versionKey(application: string, version: number, environment: string): string {
  return `${application}/${String(version).padStart(8, '0')}/${environment}`;
}

/** Key of a target document. */
export function targetKey(application: string, environment: string, cluster: string): string {
  return `${application}/${environment}/${cluster}`;
}
