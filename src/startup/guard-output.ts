import { scrub } from '../common';

type Write = (text: string) => void;

/**
 * Lets everything that this process writes to standard output and error pass the scrubber, whoever writes it: Node's
 * own debug lines, warnings, a library that prints. The log does the same at its own sink, which is faster.
 * @returns how to print what is meant to be seen whole: the first access token, to the terminal of who starts the server.
 */
export function guardOutput(): Write {
  const { stdout, stderr } = process;
  const show = stdout.write.bind(stdout);
  for (const stream of [stdout, stderr]) guard(stream);
  return (text) => {
    show(text);
  };
}

function guard(stream: NodeJS.WriteStream): void {
  const write = stream.write.bind(stream) as (...words: unknown[]) => boolean;
  stream.write = (chunk: unknown, ...rest: unknown[]) => write(clean(chunk, rest[0]), ...rest);
}

/** Bytes that hold no secret stay as they are, also those that are no text. */
function clean(chunk: unknown, encoding: unknown): unknown {
  if (typeof chunk === 'string') {
    const isText = typeof encoding !== 'string' || /^utf-?8$/i.test(encoding);
    return isText ? scrub(chunk) : chunk;
  }
  if (!(chunk instanceof Uint8Array)) return chunk;
  const text = Buffer.from(chunk).toString('utf8');
  const scrubbed = scrub(text);
  return scrubbed === text ? chunk : scrubbed;
}
