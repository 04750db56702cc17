const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;

/** What a document may look like before it is parsed. */
export interface JsonShapeLimits {
  /** Brackets within brackets. */
  readonly depth: number;
  /** Members of one object. */
  readonly members: number;
  /** Members and elements of the whole document. */
  readonly values: number;
}

/** Why a document is refused. */
export interface JsonShapeFault {
  /** The member of the outermost object that it is in; null: none, or the outermost thing is a list. */
  readonly field: string | null;
  readonly message: string;
}

/**
 * Finds out in one pass, without a stack of its own calls and without building anything, whether a JSON text is
 * too deep or too wide, or names a member twice (of which different readers would believe different ones).
 * Text that is no JSON passes: the parser refuses it.
 */
export function findJsonShapeFault(text: Buffer, limits: JsonShapeLimits): JsonShapeFault | null {
  const scan = new Scan(text, limits);
  for (let at = 0; at < text.length && scan.fault === null; at += 1) at = scan.step(at);
  return scan.fault;
}

class Scan {
  fault: JsonShapeFault | null = null;
  /** Of each open bracket: the names in it; null: a list. */
  private readonly open: (Set<string> | null)[] = [];
  private field: string | null = null;
  private values = 0;
  private stringStart = 0;
  private stringEnd = 0;

  constructor(
    private readonly text: Buffer,
    private readonly limits: JsonShapeLimits,
  ) {}

  /** Reads the character at the position, or the whole string that begins there; returns its last position. */
  step(at: number): number {
    switch (this.text[at]) {
      case QUOTE:
        this.stringStart = at;
        this.stringEnd = this.endOfString(at);
        return this.stringEnd;
      case OPEN_OBJECT:
        this.enter(new Set());
        break;
      case OPEN_LIST:
        this.enter(null);
        break;
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        this.open.pop();
        break;
      case COLON:
        this.addMember(this.open.at(-1) ?? null);
        break;
      case COMMA:
        this.count();
        break;
      case undefined:
      default:
    }
    return at;
  }

  /** The closing quote is the next one after an even number of backslashes. */
  private endOfString(start: number): number {
    let end = start;
    for (;;) {
      end = this.text.indexOf(QUOTE, end + 1);
      if (end === -1) return this.text.length;
      let before = end - 1;
      while (this.text[before] === BACKSLASH) before -= 1;
      if ((end - before) % 2 === 1) return end;
    }
  }

  private enter(names: Set<string> | null): void {
    this.open.push(names);
    this.count();
    if (this.open.length > this.limits.depth) {
      this.refuse(`is nested too deeply: at most ${this.limits.depth} levels`);
    }
  }

  private count(): void {
    this.values += 1;
    if (this.values > this.limits.values) {
      this.refuse(`has too many values: at most ${this.limits.values} in one body`);
    }
  }

  private addMember(names: Set<string> | null): void {
    if (names === null) return;
    const name = this.lastString();
    if (this.open.length === 1) this.field = name;
    if (names.has(name)) this.refuse('names a member twice');
    names.add(name);
    if (names.size > this.limits.members) {
      this.refuse(`has too many members: at most ${this.limits.members} in one object`);
    }
  }

  private lastString(): string {
    const raw = this.text.toString('utf8', this.stringStart, this.stringEnd + 1);
    if (!raw.includes('\\')) return raw.slice(1, -1);
    try {
      return String(JSON.parse(raw));
    } catch {
      return raw;
    }
  }

  private refuse(message: string): void {
    this.fault ??= { field: this.field, message };
  }
}
