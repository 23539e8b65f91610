// SPDX-License-Identifier: Apache-2.0
import { UpstreamError } from '@plumbline/core';

/**
 * Parses an answer of the API server. @throws UpstreamError PLB-6126 when it is not JSON (a proxy's page, a cut-off
 * body).
 */
export function parseJson<T>(text: string, what: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new UpstreamError(
      'PLB-6126',
      `the API server's answer to "${what}" is not JSON (${text.length} characters)`,
      { cause: error },
    );
  }
}

/**
 * JSON that is also YAML. An apply patch is read as YAML by the server, where DEL, C1 controls, NEL, U+2028/2029 and
 * BOM are
 * line breaks or errors in a string if they are not escaped: the server would silently fold them to a space.
 */
export function yamlSafeJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The texts of `Warning` headers (RFC 9111 form `299 - "text"`, several joined by commas). */
export function parseWarnings(header: string | undefined): string[] {
  if (header === undefined) return [];
  return [...header.matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) => text.replace(/\\(.)/g, '$1'));
}
