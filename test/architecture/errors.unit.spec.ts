// SPDX-License-Identifier: Apache-2.0
import { errorCatalogue, type ErrorKind } from '@plumbline/core';
import { describe, expect, it } from 'vitest';
import { sourceFiles, textOf } from './workspace.js';

const CODE = /PLB-\d{4}/g;
const RANGES: { readonly [Kind in ErrorKind]: string } = {
  input: '1',
  auth: '2',
  'not-found': '3',
  conflict: '4',
  overloaded: '5',
  upstream: '6',
  internal: '9',
};

/** Codes whose code is being written. This list only shrinks. */
const NOT_USED_YET: readonly string[] = ['PLB-1915', 'PLB-1916', 'PLB-1917', 'PLB-6512'];

const isCatalogue = (file: string): boolean => file.startsWith('libs/core/src/error-catalogue');
const isTest = (file: string): boolean => /\.(spec|fixture)\.ts$|\/testing\/|^test\//.test(file);
/** Code without its comments: a code that only a comment names is not raised. */
const withoutComments = (text: string): string => text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');

const sources = [...sourceFiles()].filter((file) => !isCatalogue(file) && !isTest(file));

describe('the catalogue of errors', () => {
  it('defines each code once', () => {
    const codes = errorCatalogue.map(({ code }) => code);
    expect(codes.filter((code, index) => codes.indexOf(code) !== index)).toEqual([]);
  });

  it('gives each error a title of its own', () => {
    const titles = errorCatalogue.map(({ title }) => title);
    expect(titles.filter((title, index) => titles.indexOf(title) !== index)).toEqual([]);
  });

  it('defines each code in the range of its kind', () => {
    expect(errorCatalogue.filter(({ code, kind }) => code.charAt(4) !== RANGES[kind])).toEqual([]);
  });

  it('writes meanings and remedies as sentences, and titles without a full stop', () => {
    const offenders = errorCatalogue.filter(
      ({ title, meaning, remedy }) => title.endsWith('.') || !/^\S.*\.$/.test(meaning) || !/^\S.*\.$/.test(remedy),
    );
    expect(offenders).toEqual([]);
  });

  it('has no code that the source does not use', () => {
    const used = new Set(sources.flatMap((file) => [...(withoutComments(textOf(file)).match(CODE) ?? [])]));
    expect(
      errorCatalogue.map(({ code }) => code).filter((code) => !used.has(code) && !NOT_USED_YET.includes(code)),
    ).toEqual([]);
  });

  it('has every code that the source, its comments and the tests name', () => {
    const defined = new Set<string>(errorCatalogue.map(({ code }) => code));
    const files = sourceFiles().filter((file) => !file.startsWith('test/architecture/'));
    const unknown = files.flatMap((file) =>
      (textOf(file).match(CODE) ?? []).filter((code) => !defined.has(code)).map((code) => `${file}: ${code}`),
    );
    expect(unknown).toEqual([]);
  });
});
