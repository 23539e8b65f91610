// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { WorkLeaseBook } from './work-lease-book.js';

function bookAt(): { readonly book: WorkLeaseBook; readonly pass: (ms: number) => void } {
  let nowMs = 1_000;
  return { book: new WorkLeaseBook(() => nowMs), pass: (ms) => (nowMs += ms) };
}

it('calls work vacant when nobody has kept it for its time', async () => {
  const { book, pass } = bookAt();
  book.lead(true);
  await book.keep('deliveries', 100);
  pass(99);
  expect(await book.isVacant('deliveries', 100)).toBe(false);
  await book.keep('deliveries', 100);
  pass(99);
  expect(await book.isVacant('deliveries', 100)).toBe(false);
  pass(1);
  expect(await book.isVacant('deliveries', 100)).toBe(true);
  expect(await book.isVacant('other', 1_000)).toBe(false);
});

it('gives who works the time to say so after another process began to lead', async () => {
  const { book, pass } = bookAt();
  book.lead(true);
  await book.keep('deliveries', 100);
  pass(500);
  book.lead(false);
  book.lead(true);
  pass(99);
  expect(await book.isVacant('deliveries', 100)).toBe(false);
  pass(1);
  expect(await book.isVacant('deliveries', 100)).toBe(true);
});

it('answers nothing in a process that does not lead', async () => {
  const { book } = bookAt();
  await expect(book.keep('deliveries', 100)).rejects.toMatchObject({ code: 'PLB-6002', details: { notLeading: true } });
  book.lead(true);
  book.lead(false);
  await expect(book.isVacant('deliveries', 100)).rejects.toMatchObject({ code: 'PLB-6002' });
});
