import { type AST, RegExpParser } from '@eslint-community/regexpp';

/** Goes on with the rest of the pattern; whether that matched. */
type Next = (position: number) => boolean;

const parser = new RegExpParser();

/** Thrown once a match has cost more than anybody wants to wait for. */
export class TooManySteps extends Error {}

/**
 * A regular expression that is run as a backtracking engine runs it, counting the characters that it looks at: what a
 * clock would tell, but the same on every machine.
 */
export class CountedMatch {
  readonly pattern: AST.Pattern;
  readonly #flags: string;
  readonly #atoms = new Map<string, RegExp>();
  #text = '';
  #steps = 0;
  #limit = 0;
  #groups = new Map<AST.CapturingGroup, string>();

  constructor({ source, flags }: RegExp) {
    this.#flags = flags.replace(/[gyd]/g, '');
    this.pattern = parser.parsePattern(source, 0, source.length, { unicode: flags.includes('u') });
  }

  /**
   * Looks for the first match from the left, as `exec` does.
   * @returns characters looked at
   * @throws {TooManySteps}
   */
  steps(text: string, limit: number): number {
    [this.#text, this.#steps, this.#limit] = [text, 0, limit];
    for (let start = 0; start <= text.length; start += 1) {
      this.#groups = new Map();
      if (this.#any(this.pattern.alternatives, start, 1, () => true)) break;
    }
    return this.#steps;
  }

  /** Whether the character is one of those that the atom stands for. */
  takes(atom: AST.Character | AST.CharacterSet | AST.CharacterClass, character: string): boolean {
    let expression = this.#atoms.get(atom.raw);
    if (expression === undefined) {
      expression = new RegExp(`^(?:${atom.raw})$`, this.#flags.replace('m', ''));
      this.#atoms.set(atom.raw, expression);
    }
    return expression.test(character);
  }

  #count(): void {
    this.#steps += 1;
    if (this.#steps > this.#limit) throw new TooManySteps();
  }

  /** @param direction - 1: from left to right; -1: as in a lookbehind. */
  #any(
    alternatives: readonly AST.Alternative[],
    position: number,
    direction: 1 | -1,
    next: Next,
  ): boolean {
    return alternatives.some(({ elements }) => {
      const ordered = direction === 1 ? elements : [...elements].reverse();
      const sequence = (index: number, at: number): boolean => {
        const element = ordered[index];
        if (element === undefined) return next(at);
        return this.#element(element, at, direction, (then) => sequence(index + 1, then));
      };
      return sequence(0, position);
    });
  }

  #element(element: AST.Element, position: number, direction: 1 | -1, next: Next): boolean {
    switch (element.type) {
      case 'Group':
        return this.#any(element.alternatives, position, direction, next);
      case 'CapturingGroup':
        return this.#any(element.alternatives, position, direction, (end) => {
          const before = this.#groups.get(element);
          const [from, to] = direction === 1 ? [position, end] : [end, position];
          this.#groups.set(element, this.#text.slice(from, to));
          if (next(end)) return true;
          if (before === undefined) this.#groups.delete(element);
          else this.#groups.set(element, before);
          return false;
        });
      case 'Quantifier':
        return this.#repeat(element, 0, position, direction, next);
      case 'Assertion':
        return this.#holds(element, position) && next(position);
      case 'Backreference': {
        const text = [element.resolved]
          .flat()
          .map((group) => this.#groups.get(group))
          .join('');
        this.#steps += text.length;
        const end = position + direction * text.length;
        const found = this.#text.slice(Math.min(position, end), Math.max(position, end));
        return found === text && next(end);
      }
      case 'Character':
      case 'CharacterSet':
      case 'CharacterClass': {
        this.#count();
        const character = this.#text[direction === 1 ? position : position - 1];
        return (
          character !== undefined && this.takes(element, character) && next(position + direction)
        );
      }
      case 'ExpressionCharacterClass':
        throw new Error(`${element.type} is not known here: teach CountedMatch`);
    }
  }

  #repeat(
    quantifier: AST.Quantifier,
    done: number,
    position: number,
    direction: 1 | -1,
    next: Next,
  ): boolean {
    const { min, max, greedy, element } = quantifier;
    const again = () =>
      done < max &&
      this.#element(
        element,
        position,
        direction,
        // What matches nothing is not repeated for ever.
        (end) =>
          (end !== position || done < min) &&
          this.#repeat(quantifier, done + 1, end, direction, next),
      );
    const stop = () => done >= min && next(position);
    return greedy ? again() || stop() : stop() || again();
  }

  #holds(assertion: AST.Assertion, position: number): boolean {
    this.#count();
    switch (assertion.kind) {
      case 'start':
        return position === 0 || (this.#flags.includes('m') && this.#text[position - 1] === '\n');
      case 'end':
        return (
          position === this.#text.length ||
          (this.#flags.includes('m') && this.#text[position] === '\n')
        );
      case 'word': {
        const isWord = (at: number) => /\w/.test(this.#text[at] ?? '');
        return (isWord(position - 1) !== isWord(position)) !== assertion.negate;
      }
      case 'lookahead':
      case 'lookbehind': {
        const direction = assertion.kind === 'lookahead' ? 1 : -1;
        const found = this.#any(assertion.alternatives, position, direction, () => true);
        return found !== assertion.negate;
      }
    }
  }
}
