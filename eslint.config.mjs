// SPDX-License-Identifier: Apache-2.0
// Only the module boundaries: everything else is oxlint's, which does it in a fraction of the time.
import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

const PURE = ['type:pure'];
const PORTS = ['type:pure', 'type:port'];
const SERVICE_PARTS = [...PORTS, 'type:platform'];

/** Nothing that does I/O or ties the domain to a framework. */
const BANNED_FOR_PURE = [
  '@nestjs/*',
  'pg',
  '@nats-io/*',
  '@kubernetes/*',
  '@grpc/*',
  'undici',
  'typeorm',
  'simple-git',
];

export default [
  { ignores: ['**/dist/**', '**/node_modules/**', '**/*.generated.ts', 'docs/reference/**', '**/generated/**'] },
  { linterOptions: { reportUnusedDisableDirectives: 'off' } },
  {
    files: ['**/*.ts'],
    languageOptions: { parser: tseslint.parser },
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          enforceBuildableLibDependency: false,
          allowCircularSelfDependency: true,
          // Adapters of a port are loaded where their URL asks for them, its types everywhere.
          checkDynamicDependenciesExceptions: ['@plumbline/.*'],
          depConstraints: [
            { sourceTag: 'type:pure', onlyDependOnLibsWithTags: PURE, bannedExternalImports: BANNED_FOR_PURE },
            { sourceTag: 'type:port', onlyDependOnLibsWithTags: PORTS },
            { sourceTag: 'type:platform', onlyDependOnLibsWithTags: SERVICE_PARTS },
            { sourceTag: 'type:service', onlyDependOnLibsWithTags: SERVICE_PARTS },
            { sourceTag: 'type:host', onlyDependOnLibsWithTags: [...SERVICE_PARTS, 'type:service', 'type:client'] },
            { sourceTag: 'type:client', onlyDependOnLibsWithTags: PURE },
            { sourceTag: 'type:ui', onlyDependOnLibsWithTags: ['type:client', 'type:pure'] },
            { sourceTag: 'type:testing', onlyDependOnLibsWithTags: SERVICE_PARTS },
            {
              sourceTag: 'type:e2e',
              onlyDependOnLibsWithTags: ['type:host', 'type:client', 'type:testing', 'type:pure', 'type:port'],
            },
          ],
        },
      ],
    },
  },
  {
    // Specs run against the real parts of the test kit and other adapters' contract suites.
    files: ['**/*.spec.ts', '**/testing/**/*.ts', '**/*.fixture.ts'],
    rules: { '@nx/enforce-module-boundaries': 'off' },
  },
];
