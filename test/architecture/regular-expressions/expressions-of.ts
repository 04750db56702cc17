import ts from 'typescript';

/** Every literal of a source, and how many expressions it makes at run time. */
export interface FoundExpressions {
  readonly literals: readonly RegExp[];
  readonly made: number;
}

export function expressionsIn(path: string, text: string): FoundExpressions {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const literals: RegExp[] = [];
  let made = 0;
  const visit = (node: ts.Node) => {
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf('/');
      literals.push(new RegExp(node.text.slice(1, end), node.text.slice(end + 1)));
    }
    const isCall = ts.isNewExpression(node) || ts.isCallExpression(node);
    if (isCall && node.expression.getText(source) === 'RegExp') made += 1;
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { literals, made };
}

/** The expressions that the file makes when it is loaded. */
export function expressionsMadeBy(file: string): RegExp[] {
  const made: RegExp[] = [];
  const original = globalThis.RegExp;
  globalThis.RegExp = new Proxy(original, {
    construct(target, values: [string, string?]) {
      const expression = new target(...values);
      const caller = new Error().stack?.split('\n')[2] ?? '';
      if (caller.includes(file)) made.push(expression);
      return expression;
    },
  });
  try {
    jest.isolateModules(() => {
      jest.requireActual(file);
    });
  } finally {
    globalThis.RegExp = original;
  }
  return made;
}
