// SPDX-License-Identifier: Apache-2.0

/** Where a command writes, and what that place can do. */
export interface Terminal {
  /** Results. */
  out(text: string): void;
  /** Everything that is not a result: progress, hints, errors. */
  err(text: string): void;
  readonly colours: boolean;
  /** True when progress may be drawn over itself. */
  readonly interactive: boolean;
  readonly width: number;
}

const COLOURS = { red: 31, green: 32, yellow: 33, blue: 34, grey: 90, bold: 1 } as const;
type Colour = keyof typeof COLOURS;

const STATE_COLOURS: Readonly<Record<string, Colour>> = {
  Synced: 'green',
  Healthy: 'green',
  Released: 'green',
  Ready: 'green',
  Connected: 'green',
  Succeeded: 'green',
  created: 'green',
  OutOfSync: 'yellow',
  Syncing: 'blue',
  Progressing: 'blue',
  Waiting: 'yellow',
  WaitingApproval: 'yellow',
  Suspended: 'grey',
  Pending: 'blue',
  configured: 'yellow',
  Partial: 'yellow',
  Failed: 'red',
  Refused: 'red',
  Degraded: 'red',
  Missing: 'red',
  Blocked: 'red',
  Rejected: 'red',
  Unreachable: 'red',
  pruned: 'red',
  Unknown: 'grey',
  Superseded: 'grey',
  unchanged: 'grey',
};

/** The text in a colour, if the terminal shows colours. */
export function paint(terminal: Terminal, colour: Colour, text: string): string {
  return terminal.colours ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text;
}

/** A state word in its colour. */
export function paintState(terminal: Terminal, state: string): string {
  const colour = STATE_COLOURS[state];
  return colour === undefined ? state : paint(terminal, colour, state);
}

/**
 * Removes control characters, all but our own colours: text from repositories and clusters must not steer the
 * terminal.
 */
export function plain(text: string): string {
  return text.replaceAll(/\u001b(?!\[(?:0|1|3[1-4]|90)m)|[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f]/g, ' ');
}

/** Columns with a header; cells are painted after they are padded, so colours never shift a column. */
export function table(terminal: Terminal, header: readonly string[], rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map((cell) => plain(cell).replaceAll('\n', ' ')));
  const widths = header.map((title, column) =>
    Math.max(title.length, ...clean.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[], decorate: (cell: string, padded: string) => string): string =>
    cells
      .map((cell, column) => decorate(cell, column === cells.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  const lines = [line(header, (_, padded) => paint(terminal, 'bold', padded))];
  for (const row of clean)
    lines.push(line(row, (cell, padded) => padded.replace(cell, () => paintState(terminal, cell))));
  return `${lines.join('\n')}\n`;
}

/** How long ago, in two units at the most. */
export function ago(iso: string, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(iso)) / 1000));
  if (Number.isNaN(seconds)) return '';
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${seconds % 60}s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h${Math.floor((seconds % 3600) / 60)}m`;
  return `${Math.floor(seconds / 86_400)}d${Math.floor((seconds % 86_400) / 3600)}h`;
}

/** Progress of long work: one line drawn over itself on a terminal, a plain line per change elsewhere. */
export class Progress {
  readonly #terminal: Terminal;

  #last = '';

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  update(text: string): void {
    if (text === this.#last) return;
    this.#last = text;
    if (this.#terminal.interactive) this.#terminal.err(`\r\u001b[2K${plain(text).slice(0, this.#terminal.width - 1)}`);
    else this.#terminal.err(`${plain(text)}\n`);
  }

  done(): void {
    if (this.#terminal.interactive && this.#last !== '') this.#terminal.err('\r\u001b[2K');
    this.#last = '';
  }
}
