import type { ConsoleMessage, Page } from 'playwright-core';

/** What a page complained of that no test asked for: errors in the console, exceptions, refused content. */
export class WatchedPage {
  readonly #faults: string[] = [];
  readonly #expected: RegExp[] = [];
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

  /** As if its tab were left, or looked at again. */
  async setVisibility(state: 'visible' | 'hidden'): Promise<void> {
    await this.page.evaluate((value) => {
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => value });
      document.dispatchEvent(new Event('visibilitychange'));
    }, state);
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
