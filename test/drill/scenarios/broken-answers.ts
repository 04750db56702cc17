import type { ServerResponse } from 'node:http';
import { completion, piece } from '../support/drill-upstream';
import { audit } from '../support/auditor';
import { type Finding, inWords, onSite } from '../support/scenario';

/** How an answer goes wrong, and what becomes of its execution. */
interface Fault {
  readonly name: string;
  readonly stream: boolean;
  readonly write: (response: ServerResponse, tag: string) => void;
  /** What the client is told; null: the answer is good. */
  readonly code: string | null;
  /** A call that may have been billed is made once more, if the client has heard nothing of its answer. */
  readonly isRepeated?: true;
  readonly timeoutMs?: number;
}

const ERROR = { error: { message: 'overloaded', type: 'server_error', code: null } };

function begin(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(piece({ role: 'assistant', content: 'half' }));
  response.write(piece({ content: ' an answer' }));
}

function answer(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

const withUsage = (tag: string, usage: unknown) => ({ ...completion(tag), usage });

const FAULTS: readonly Fault[] = [
  {
    ...{ name: '#17-closed-before-its-end', stream: true, code: 'response_truncated' },
    write: (response) => {
      begin(response);
      response.end();
    },
  },
  {
    ...{ name: '#18-reset', stream: true, code: 'response_truncated' },
    write: (response) => {
      begin(response);
      setTimeout(() => response.socket?.resetAndDestroy(), 50);
    },
  },
  {
    ...{ name: '#20-error-event', stream: true, code: 'server_error' },
    write: (response) => {
      begin(response);
      response.end(`data: ${JSON.stringify(ERROR)}\n\n`);
    },
  },
  {
    ...{
      name: '#19-reset-before-a-piece',
      stream: true,
      code: 'response_truncated',
      isRepeated: true,
    },
    write: (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      setTimeout(() => response.socket?.resetAndDestroy(), 50);
    },
  },
  {
    // After a minute of silence.
    ...{ name: '#15-stalls', stream: true, code: 'response_truncated' },
    write: begin,
  },
  {
    ...{ name: '#16-pings-for-ever', stream: true, code: 'deadline_exceeded', timeoutMs: 2_000 },
    write: (response) => {
      begin(response);
      const timer = setInterval(() => response.write(': ping\n\n'), 100);
      response.on('close', () => {
        clearInterval(timer);
      });
    },
  },
  {
    ...{ name: '#27-html', stream: false, code: 'invalid_response', isRepeated: true },
    write: (response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end('<html>Welcome to the proxy</html>');
    },
  },
  {
    ...{ name: '#27-empty', stream: false, code: 'invalid_response', isRepeated: true },
    write: (response) => {
      answer(response, '');
    },
  },
  {
    ...{ name: '#27-error-with-200', stream: false, code: 'invalid_response', isRepeated: true },
    write: (response) => {
      answer(response, ERROR);
    },
  },
  {
    ...{
      name: '#27-ten-megabytes-of-junk',
      stream: false,
      code: 'invalid_response',
      isRepeated: true,
    },
    write: (response) => {
      answer(response, 'junk '.repeat(2_000_000));
    },
  },
  {
    ...{ name: '#28-negative-usage', stream: false, code: 'invalid_response', isRepeated: true },
    write: (response, tag) => {
      answer(response, withUsage(tag, { prompt_tokens: -5, completion_tokens: 7 }));
    },
  },
  {
    ...{ name: '#28-absurd-usage', stream: false, code: 'invalid_response', isRepeated: true },
    write: (response, tag) => {
      answer(response, withUsage(tag, { prompt_tokens: 1e18, completion_tokens: 7 }));
    },
  },
  {
    ...{ name: '#28-no-usage', stream: false, code: null },
    write: (response, tag) => {
      answer(response, withUsage(tag, undefined));
    },
  },
];

/** Every way in which an answer can go wrong, many of each at once: none is taken for a success. */
export async function breakAnswers(each: number): Promise<Finding> {
  return onSite(async (site, node) => {
    const faults = new Map(FAULTS.map((fault) => [fault.name, fault]));
    const faultOf = (tag: string) => faults.get(tag.split('/')[0]!)!;
    site.upstream.plan = (tag) => ({
      kind: 'raw',
      write: (response) => {
        faultOf(tag).write(response, tag);
      },
    });
    const tags = FAULTS.flatMap(({ name }) =>
      Array.from({ length: each }, (_, index) => `${name}/${index}`),
    );
    const told = await Promise.all(
      tags.map((tag) => {
        const { stream, timeoutMs } = faultOf(tag);
        return site.run(node, tag, { stream, fields: { timeoutMs } });
      }),
    );
    const heard = [...new Set(told.map(({ tag, code }) => `${faultOf(tag).name} ${code}`))];
    expect(heard).toEqual(FAULTS.map(({ name, code }) => `${name} ${code}`));
    const { counts, rows, breaches } = await audit(site);
    const repeated = tags.filter((tag) => faultOf(tag).isRepeated === true);
    const isTwicePaid = (breach: string) => breach.startsWith('I3 ');
    expect(breaches.filter((breach) => !isTwicePaid(breach))).toEqual([]);
    const twicePaid = new Set(breaches.filter(isTwicePaid).map((breach) => breach.split(' ')[1]!));
    expect([...twicePaid].sort()).toEqual([...repeated].sort());
    expect(rows).toHaveLength(tags.length);
    expect(site.upstream.paid).toHaveLength(tags.length + repeated.length);
    const wronglyEnded = rows.filter(({ tag, status }) => {
      return status !== (faultOf(tag).code === null ? 'completed' : 'failed');
    });
    expect(wronglyEnded).toEqual([]);
    expect((await node.process.stop()).code).toBe(0);
    expect(node.process.stderr).toBe('');
    return `${FAULTS.length} faults, ${each} of each; ledger: ${inWords(counts)}; made once more, as the policy says: ${repeated.length}`;
  });
}
