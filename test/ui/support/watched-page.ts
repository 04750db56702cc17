import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConsoleMessage, Page } from 'playwright-core';
import { PROJECT_ROOT } from '../../process/server-process';
import { hasRoute } from './usage-stand-in';

const DOCUMENT = readFileSync(join(PROJECT_ROOT, 'web', 'openapi.json'), 'utf8');

/** What this version of the API does not have: the UI asks, is refused, and does without. */
const REFUSALS: readonly (readonly [isMissing: boolean, complaint: RegExp])[] = [
  [!hasRoute('usage'), /status of 404 .*\/usage\?/],
  [!hasRoute('webhooks'), /status of 404 .*\/webhooks\?/],
  [DOCUMENT.includes('only false is accepted'), /status of 422 .*\/executions\)/],
];

/** What a page complained of that no test asked for: errors in the console, exceptions, refused content. */
export class WatchedPage {
  readonly #faults: string[] = [];
  readonly #expected = REFUSALS.filter(([isMissing]) => isMissing).map(([, pattern]) => pattern);
  /** Every address that the page asked for. */
  readonly urls: string[] = [];

  constructor(readonly page: Page) {
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.#faults.push(describe(message));
    });
    page.on('pageerror', (error) => this.#faults.push(`exception: ${error.message}`));
    page.on('request', (request) => this.urls.push(request.url()));
    page.setDefaultTimeout(20_000);
  }

  /** Complaints that are part of the test, e.g. the 401 of a session that was ended. */
  expect(pattern: RegExp): void {
    this.#expected.push(pattern);
  }

  get faults(): readonly string[] {
    return this.#faults.filter((fault) => !this.#expected.some((pattern) => pattern.test(fault)));
  }

  /** Everything that could still hold a secret: the document with its form values, both stores, the address. */
  async traces(): Promise<string> {
    return this.page.evaluate(() =>
      [
        document.documentElement.outerHTML,
        ...Array.from(document.querySelectorAll('input, textarea'), (element) =>
          'value' in element ? String(element.value) : '',
        ),
        JSON.stringify(localStorage),
        JSON.stringify(sessionStorage),
        JSON.stringify(history.state),
        location.href,
        document.cookie,
      ].join('\n'),
    );
  }
}

function describe(message: ConsoleMessage): string {
  return `${message.type()}: ${message.text()} (${message.location().url})`;
}
