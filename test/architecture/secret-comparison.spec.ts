import ts from 'typescript';
import { readProjectFile } from './project-files';

/** What is done to the parameter of a method: the calls that it is an argument of, or what else holds it. */
function usesOf(text: string, method: string, parameter: string): string[] {
  const source = ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest, true);
  const uses: string[] = [];
  const visitBody = (node: ts.Node) => {
    if (ts.isIdentifier(node) && node.text === parameter) {
      const { parent } = node;
      const isArgument = ts.isCallExpression(parent) && parent.arguments.includes(node);
      uses.push(isArgument ? parent.expression.getText(source) : parent.getText(source));
    }
    ts.forEachChild(node, visitBody);
  };
  const visit = (node: ts.Node) => {
    const isFunction = ts.isMethodDeclaration(node) || ts.isFunctionDeclaration(node);
    if (isFunction && node.name?.getText(source) === method && node.body) {
      visitBody(node.body);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return uses;
}

describe('the text of an access token or of a session', () => {
  const AUTHENTICATOR = 'src/workspaces/access-tokens/access-token-authenticator.ts';

  it.each([
    // Whether it is a token at all, by a checksum of itself; and the name under which it is known for a moment.
    [
      AUTHENTICATOR,
      'authenticate',
      'token',
      ['isAccessToken', 'this.crypto.digestToken', 'nameOf'],
    ],
    [AUTHENTICATOR, 'recall', 'token', ['nameOf']],
    [AUTHENTICATOR, 'nameOf', 'token', ['hash']],
    ['src/workspaces/sessions/sessions.ts', 'authenticate', 'text', ['this.crypto.digestToken']],
  ])('is digested and compared with nothing: %s, %s', (path, method, parameter, allowed) => {
    expect(usesOf(readProjectFile(path), method, parameter)).toEqual(allowed);
  });

  it.each([
    ['known === token', 'known === token'],
    ['token.startsWith(known)', 'token.startsWith'],
    ['timingSafeEqual(token, known)', 'timingSafeEqual'],
  ])('would be found out in %s', (statement, use) => {
    const text = `class A { authenticate(token: string) { return ${statement}; } }`;
    expect(usesOf(text, 'authenticate', 'token')).toEqual([use]);
  });
});
