import { type AST, visitRegExpAST } from '@eslint-community/regexpp';
import { CountedMatch, TooManySteps } from './counted-match';

const SHORT = 128;
const LONG = 2 * SHORT;
/** What a match of the longer text may cost for each of its characters. */
const STEPS_PER_CHARACTER = 40;
/** A text that is twice as long costs a linear match twice as much. */
const GROWTH_MAX = 2.6;
const STEPS_MAX = 400_000;
const PUMPED_CHARACTERS = 7;
const ALPHABET = 'aA0_- \n\t"\'\\/.,:;=@%&?#+*~!<>[]{}()$^|éß\u00a0\ud800\0\x7f'
  .split('')
  .concat(Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)));

/** A text of about the length. */
type TextOf = (length: number) => string;

type Atom = AST.Character | AST.CharacterSet | AST.CharacterClass;

/** A text that costs more than its length, and how much. */
export interface Attack {
  readonly text: string;
  readonly steps: readonly [number, number];
}

/**
 * Tries to hold the expression up: what leads to each of its repetitions, then many times what it may take for one,
 * then something that does not fit. Null: no text made it cost more than in proportion to its length.
 */
export function findAttack(expression: RegExp): Attack | null {
  const match = new CountedMatch(expression);
  const atoms = atomsOf(match.pattern);
  const characters = representatives(match, atoms);
  const pumps = new Set(characters);
  const most = characters.slice(0, PUMPED_CHARACTERS);
  for (const first of most) for (const second of most) pumps.add(first + second);
  const prefixes = new Set(['']);
  for (const { before, body } of repetitions(match)) {
    prefixes.add(before);
    for (const pump of [body, before, before + body]) if (pump !== '') pumps.add(pump);
  }
  const middles = [...[...pumps].map(repeated), ...[' ', ',', ...most].map(numbered)];
  for (const prefix of prefixes) {
    for (const middle of middles) {
      for (const end of ['', '\0', '!', 'x']) {
        const attack = tryText(match, (length) => prefix + middle(length) + end);
        if (attack !== null) return attack;
      }
    }
  }
  return null;
}

/** The same again and again. */
function repeated(pump: string): TextOf {
  return (length) => pump.repeat(Math.ceil(length / pump.length)).slice(0, length);
}

/** Words that are all different. */
function numbered(separator: string): TextOf {
  return (length) =>
    Array.from({ length }, (_, index) => index.toString(36))
      .join(separator)
      .slice(0, length);
}

function tryText(match: CountedMatch, textOf: TextOf): Attack | null {
  const text = textOf(LONG);
  const long = stepsOf(match, text);
  if (long <= STEPS_PER_CHARACTER * text.length) return null;
  const short = stepsOf(match, textOf(SHORT));
  return long / short > GROWTH_MAX || long > STEPS_MAX ? { text, steps: [short, long] } : null;
}

function stepsOf(match: CountedMatch, text: string): number {
  try {
    return match.steps(text, STEPS_MAX);
  } catch (error) {
    if (error instanceof TooManySteps) return STEPS_MAX + 1;
    throw error;
  }
}

function atomsOf(pattern: AST.Pattern): Atom[] {
  const atoms: Atom[] = [];
  const add = (atom: Atom) => {
    if (atom.parent.type !== 'CharacterClass' && atom.parent.type !== 'CharacterClassRange')
      atoms.push(atom);
  };
  visitRegExpAST(pattern, {
    onCharacterEnter: add,
    onCharacterSetEnter: add,
    onCharacterClassEnter: add,
  });
  return atoms;
}

/** One character for each different set of atoms that take it; those that most atoms take come first. */
function representatives(match: CountedMatch, atoms: readonly Atom[]): string[] {
  const different = [...new Map(atoms.map((atom) => [atom.raw, atom])).values()];
  const found = new Map<string, string>();
  for (const character of ALPHABET) {
    const takers = different.map((atom) => (match.takes(atom, character) ? '1' : '0')).join('');
    if (!found.has(takers)) found.set(takers, character);
  }
  const count = (takers: string) => takers.replaceAll('0', '').length;
  return [...found].sort(([a], [b]) => count(b) - count(a)).map(([, character]) => character);
}

/** Every repetition without an end: a text that leads to it, and one that it takes. */
function repetitions(match: CountedMatch): { before: string; body: string }[] {
  const found: { before: string; body: string }[] = [];
  visitRegExpAST(match.pattern, {
    onQuantifierEnter: (quantifier) => {
      if (quantifier.max < 8) return;
      found.push({
        before: textBefore(match, quantifier),
        body: shortest(match, quantifier.element),
      });
    },
  });
  return found;
}

/** What the elements before it take, from the outermost to the innermost, lookarounds included. */
function textBefore(match: CountedMatch, node: AST.Node): string {
  const { parent } = node;
  if (parent === null) return '';
  if (parent.type !== 'Alternative') return textBefore(match, parent);
  const index = parent.elements.indexOf(node as AST.Element);
  const own = parent.elements.slice(0, index).map((element) => shortest(match, element));
  return textBefore(match, parent) + own.join('');
}

/** A shortest text that the element takes, as far as it can be told without trying. */
function shortest(match: CountedMatch, element: AST.Element): string {
  switch (element.type) {
    case 'Character':
    case 'CharacterSet':
    case 'CharacterClass':
      return ALPHABET.find((character) => match.takes(element, character)) ?? '';
    case 'Quantifier':
      return shortest(match, element.element).repeat(element.min);
    case 'Group':
    case 'CapturingGroup':
      return shortestOf(match, element.alternatives);
    case 'Assertion':
      return element.kind === 'lookbehind' && !element.negate
        ? shortestOf(match, element.alternatives)
        : '';
    case 'Backreference':
    case 'ExpressionCharacterClass':
      return '';
  }
}

function shortestOf(match: CountedMatch, alternatives: readonly AST.Alternative[]): string {
  const [first] = alternatives;
  return first?.elements.map((element) => shortest(match, element)).join('') ?? '';
}
