// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import { CommandError, ExitCode } from '../exit-code.js';

/** Completion script of the shell, from the commands and options that there are. */
export function completion(program: Command, shell: string): string {
  const verbs = program.commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    options: command.options.map(({ long }) => long).filter((long) => long !== undefined),
  }));
  const kinds = 'applications versions targets clusters repositories approvals projects subscriptions tokens';
  switch (shell) {
    case 'bash':
      return bash(verbs, kinds);
    case 'zsh':
      return `#compdef plumb\n_plumb() {\n  local -a verbs\n  verbs=(${verbs.map(({ name, description }) => `'${name}:${description.replaceAll("'", '').replaceAll(':', ' ')}'`).join(' ')})\n  if (( CURRENT == 2 )); then _describe verb verbs; return; fi\n  case "$words[2]" in\n${verbs.map(({ name, options }) => `    ${name}) compadd -- ${name === 'get' || name === 'delete' ? kinds : ''} ${options.join(' ')} ;;`).join('\n')}\n  esac\n}\ncompdef _plumb plumb\n`;
    case 'fish':
      return `${verbs.map(({ name, description, options }) => [`complete -c plumb -f -n __fish_use_subcommand -a ${name} -d '${description.replaceAll("'", '')}'`, ...options.map((option) => `complete -c plumb -n '__fish_seen_subcommand_from ${name}' -l ${option.slice(2)}`)].join('\n')).join('\n')}\ncomplete -c plumb -f -n '__fish_seen_subcommand_from get delete' -a '${kinds}'\n`;
    default:
      throw new CommandError(ExitCode.usage, `no completion for "${shell}": bash, zsh or fish`);
  }
}

function bash(verbs: readonly { readonly name: string; readonly options: readonly string[] }[], kinds: string): string {
  const cases = verbs
    .map(
      ({ name, options }) =>
        `    ${name}) words="${name === 'get' || name === 'delete' ? `${kinds} ` : ''}${options.join(' ')}" ;;`,
    )
    .join('\n');
  return `_plumb() {\n  local current="\${COMP_WORDS[COMP_CWORD]}" words\n  if [ "$COMP_CWORD" -eq 1 ]; then words="${verbs.map(({ name }) => name).join(' ')}"; else\n  case "\${COMP_WORDS[1]}" in\n${cases}\n  esac; fi\n  COMPREPLY=($(compgen -W "$words" -- "$current"))\n}\ncomplete -F _plumb plumb\n`;
}
