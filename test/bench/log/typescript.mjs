// SPDX-License-Identifier: Apache-2.0
// Lets a benchmark import the fixtures of the end-to-end tests, which are TypeScript: Node strips the types, and
// imports of `x.js` in
// them find `x.ts`.
import { registerHooks } from 'node:module';

registerHooks({
  resolve: (specifier, context, next) =>
    specifier.startsWith('.') && specifier.endsWith('.js') && context.parentURL?.endsWith('.ts') === true
      ? next(`${specifier.slice(0, -3)}.ts`, context)
      : next(specifier, context),
});
