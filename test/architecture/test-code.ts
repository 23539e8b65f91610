// SPDX-License-Identifier: Apache-2.0
import ts from 'typescript';
import { sourceFiles, textOf } from './workspace.js';

/** A time budget below this fails on a machine that is 20 times slower than usual. */
export const SHORTEST_BUDGET_MS = 60_000;
/** The comment that exempts a line, or a statement when it stands above it. */
export const MARKER = 'time is what this tests';

/** One place in a test file that breaks a rule. */
export interface Finding {
  readonly file: string;
  readonly line: number;
  readonly what: string;
}

/** A test file with its syntax tree. */
export interface TestFile {
  readonly file: string;
  readonly tree: ts.SourceFile;
}

/** Specs and everything that only specs use; benchmarks are programs that measure time. */
export function testFiles(): readonly TestFile[] {
  return sourceFiles()
    .filter(
      (file) =>
        /\.(spec|stories|fixture|contract)\.ts$|\/testing\/.*\.ts$|^test\/.*\.ts$|^libs\/testkit\/src\/.*\.ts$/.test(
          file,
        ) && !file.startsWith('test/architecture/'),
    )
    .map((file) => ({ file, tree: ts.createSourceFile(file, textOf(file), ts.ScriptTarget.Latest, true) }));
}

/** Calls the visitor for every node of the file and collects what it returns. */
export function findings({ file, tree }: TestFile, visit: (node: ts.Node) => string | undefined): readonly Finding[] {
  const found: Finding[] = [];
  const walk = (node: ts.Node): void => {
    const what = visit(node);
    if (what !== undefined && !isMarked(tree, node))
      found.push({ file, line: tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1, what });
    node.forEachChild(walk);
  };
  walk(tree);
  return found;
}

/** Whether the marker stands on the line of the node, or above the statement or property around it. */
function isMarked(tree: ts.SourceFile, node: ts.Node): boolean {
  const lines = tree.text.split('\n');
  const lineOf = (position: number): number => tree.getLineAndCharacterOfPosition(position).line;
  for (let around: ts.Node = node; ; around = around.parent) {
    const first = lineOf(around.getStart(tree));
    if (lines[first]?.includes(MARKER) === true || lines[first - 1]?.includes(MARKER) === true) return true;
    if (ts.isBlock(around.parent) || ts.isSourceFile(around.parent) || ts.isClassElement(around)) return false;
  }
}

/** The number that an expression is, through constants of the same file. */
export function numberOf(tree: ts.SourceFile, expression: ts.Expression | undefined): number | undefined {
  if (expression === undefined) return undefined;
  if (ts.isNumericLiteral(expression)) return Number(expression.text);
  if (ts.isAsExpression(expression)) return numberOf(tree, expression.expression);
  if (ts.isIdentifier(expression)) return numberOf(tree, constantOf(tree, expression.text));
  if (ts.isBinaryExpression(expression) && expression.operatorToken.kind === ts.SyntaxKind.AsteriskToken) {
    const [left, right] = [numberOf(tree, expression.left), numberOf(tree, expression.right)];
    return left === undefined || right === undefined ? undefined : left * right;
  }
  return undefined;
}

function constantOf(tree: ts.SourceFile, name: string): ts.Expression | undefined {
  for (const statement of tree.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    for (const { name: declared, initializer } of statement.declarationList.declarations)
      if (ts.isIdentifier(declared) && declared.text === name) return initializer;
  }
  return undefined;
}

/** Name of a called function: `vi.waitFor`, `it`, `it.each`, `setTimeout`. */
export function calleeOf(node: ts.CallExpression): string {
  let callee: ts.Expression = node.expression;
  while (ts.isCallExpression(callee)) callee = callee.expression;
  return callee.getText();
}

/** Not `stopTimeoutMs`: a process that takes longer is killed and the test goes on. */
const BUDGET_NAME =
  /^(timeout|timeoutMs|limitMs|(?!stop)\w*TimeoutMs|\w*TimeoutMillis|\w*(TIMEOUT|LIMIT|DEADLINE)\w*_MS)$/;

/** Whether the callback of a timer rejects or throws: then it is a limit, otherwise a sleep. */
function isDeadline(node: ts.CallExpression): boolean {
  return /\breject|\bError\(|\.abort\(/.test(node.arguments[0]?.getText() ?? '');
}

/** Index of the argument that limits a call in time, or -1. */
function limitIndexOf(callee: string, node: ts.CallExpression): number {
  if (callee === 'AbortSignal.timeout') return 0;
  if (/^(before|after)(All|Each)$|^vi\.wait(For|Until)$/.test(callee)) return 1;
  if (callee === 'setTimeout') return isDeadline(node) ? 1 : -1;
  return /^(it|test|describe)(\.\w+)*$/.test(callee) ? 2 : -1;
}

/** A time limit that is too short, as a property, a constant or an argument. */
export function shortBudget(tree: ts.SourceFile, node: ts.Node): string | undefined {
  const isShort = (value: number | undefined): boolean =>
    value !== undefined && value > 0 && value < SHORTEST_BUDGET_MS;
  if ((ts.isPropertyAssignment(node) || ts.isVariableDeclaration(node)) && node.initializer !== undefined) {
    const name = node.name.getText(tree);
    const value = ts.isBinaryExpression(node.initializer) ? undefined : numberOf(tree, node.initializer);
    return BUDGET_NAME.test(name) && isShort(value) ? `${name} is ${value} ms` : undefined;
  }
  if (!ts.isCallExpression(node)) return undefined;
  const callee = calleeOf(node);
  const limit = node.arguments[limitIndexOf(callee, node)];
  const value = numberOf(tree, limit);
  return isShort(value) ? `${callee} is limited to ${value} ms` : undefined;
}

/** Elapsed time that is compared with a limit that is too short. */
export function elapsedTime(tree: ts.SourceFile, node: ts.Node): string | undefined {
  if (!ts.isCallExpression(node) || !/\.toBeLessThan(OrEqual)?$/.test(calleeOf(node))) return undefined;
  const limitMs = numberOf(tree, node.arguments[0]);
  if (limitMs === undefined || limitMs >= SHORTEST_BUDGET_MS) return undefined;
  return /(performance|Date)\.now\(\)|\b(elapsed|took|duration)\w*\b|\w+Ms\b/.test(node.expression.getText(tree))
    ? `compares elapsed time with ${limitMs} ms`
    : undefined;
}

/** A pause of fixed length. */
export function sleep(node: ts.Node): string | undefined {
  if (ts.isImportDeclaration(node) && /^['"](node:)?timers\/promises['"]$/.test(node.moduleSpecifier.getText()))
    return 'imports a sleep from timers/promises';
  if (!ts.isCallExpression(node)) return undefined;
  const callee = calleeOf(node);
  if (callee === 'setTimeout') return isDeadline(node) ? undefined : 'sleeps with setTimeout';
  return callee === 'Atomics.wait' ? 'sleeps with Atomics.wait' : undefined;
}

/** A port that another process may have taken. */
export function fixedPort(node: ts.Node): string | undefined {
  if (ts.isCallExpression(node) && calleeOf(node).endsWith('.listen')) {
    const [port] = node.arguments;
    if (port !== undefined && ts.isNumericLiteral(port) && port.text !== '0') return `listens on port ${port.text}`;
  }
  if (!ts.isPropertyAssignment(node) || !node.name.getText().endsWith('_LISTEN')) return undefined;
  const value = node.initializer;
  return ts.isStringLiteral(value) && /:[1-9]\d*$/.test(value.text) ? `listens at ${value.text}` : undefined;
}

/** Title of a test or suite, as written. */
export function titleOf(node: ts.Node): string | undefined {
  if (!ts.isCallExpression(node) || !/^(it|test|describe|describeWith)(\.\w+)*$/.test(calleeOf(node))) return undefined;
  const title = node.arguments[calleeOf(node) === 'describeWith' ? 1 : 0];
  return title !== undefined && ts.isStringLiteralLike(title) ? title.text : undefined;
}
