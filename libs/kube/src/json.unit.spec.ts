// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseJson, parseWarnings, yamlSafeJson } from './json.js';

describe('JSON that goes to the server as YAML', () => {
  it('reads the same as YAML 1.1 and as JSON, whatever the characters', () => {
    let text = '';
    for (let code = 0; code < 0x3000; code += 1) text += String.fromCharCode(code);
    text += '\ufeff\ufffe\uffff\ud7ff😀';
    const encoded = yamlSafeJson({ text });
    expect(JSON.parse(encoded)).toEqual({ text });
    expect(parse(encoded, { version: '1.1' })).toEqual({ text });
    expect(encoded).not.toMatch(/[\u007f-\u009f\u2028\u2029\ufeff]/);
  });
});

describe('answers', () => {
  it('are an error with a code when they are not JSON, without their text', () => {
    expect(() => parseJson('<html>secret', 'list pods')).toThrow(
      expect.objectContaining({ code: 'PLB-6126', message: expect.not.stringContaining('secret') }),
    );
  });

  it('carry warnings, one or several, with quotes inside', () => {
    expect(parseWarnings(undefined)).toEqual([]);
    expect(parseWarnings('299 - "v1beta1 is deprecated", 299 kube "unknown field \\"spec.x\\", ignored"')).toEqual([
      'v1beta1 is deprecated',
      'unknown field "spec.x", ignored',
    ]);
  });
});
