import type { ContentSealer } from '../../content';
import { storableOutput } from './stored-content';

const ID = '01999999-0000-7000-8000-000000000001';
const OUTPUT = { content: 'an answer', toolCalls: [] };

/** Takes what is no longer than that. */
const sealerOf = (longest: number): ContentSealer => ({
  seal: (text) => {
    const bytes = Buffer.from(typeof text === 'string' ? text : Array.from(text).join(''));
    if (bytes.length > longest) throw new RangeError('too long');
    return bytes;
  },
  open: (sealed) => sealed.toString(),
});

describe('an answer to be stored', () => {
  it('is sealed for its execution', () => {
    const sealed = storableOutput(sealerOf(1_000), ID, OUTPUT);
    expect(JSON.parse(sealed!.toString())).toEqual(OUTPUT);
  });

  it('is left out when it is too long, so that its execution can end all the same', () => {
    expect(storableOutput(sealerOf(10), ID, OUTPUT)).toBeNull();
  });

  it('is left out when the workspace keeps none, or there is none', () => {
    expect(storableOutput(null, ID, OUTPUT)).toBeNull();
    expect(storableOutput(sealerOf(1_000), ID, null)).toBeNull();
  });
});
