// SPDX-License-Identifier: Apache-2.0
import { messageOf, PlumblineError } from '@plumbline/core';

/** What a RenderFailed says. */
export interface RenderFailure {
  readonly reason: string;
  readonly message: string;
  readonly file?: string;
}

/** The reason of failures that may pass by themselves and are tried again. */
export const UNAVAILABLE = 'Unavailable';

const REASONS: Readonly<Record<string, string>> = {
  'PLB-1310': 'UnsafeLink',
  'PLB-1311': 'LimitExceeded',
  'PLB-1312': 'UnsafeName',
  'PLB-1402': 'InvalidManifest',
  'PLB-1403': 'DuplicateKey',
  'PLB-1404': 'InvalidManifest',
  'PLB-1405': 'InvalidNumber',
  'PLB-1406': 'LimitExceeded',
  'PLB-1407': 'NotUtf8',
  'PLB-1408': 'InvalidManifest',
  'PLB-1409': 'DuplicateObject',
  'PLB-1411': 'InvalidSecret',
  'PLB-1420': 'PathNotFound',
  'PLB-1421': 'MissingFile',
  'PLB-1422': 'LimitExceeded',
  'PLB-1423': 'RemoteBase',
  'PLB-1424': 'NotAllowed',
  'PLB-1425': 'InvalidKustomization',
  'PLB-1426': 'KustomizeFailed',
};

/** True when the same render may work later without anybody changing anything. */
export function isTransient(error: unknown): boolean {
  return !(error instanceof PlumblineError) || error.retry !== 'never';
}

/** How an error is told to users. What is not one of ours says nothing of itself: its text may hold anything. */
export function failureOf(error: unknown): RenderFailure {
  if (!(error instanceof PlumblineError))
    return {
      reason: 'InternalError',
      message: `rendering failed: ${error instanceof Error ? error.name : 'unknown error'}; see the renderer's log`,
    };
  const { file, reason } = error.details;
  return {
    reason: REASONS[error.code] ?? (typeof reason === 'string' ? reason : 'RenderFailed'),
    message: messageOf(error).slice(0, 4_000),
    ...(typeof file === 'string' && file !== '' ? { file } : {}),
  };
}
