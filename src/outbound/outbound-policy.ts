import ipaddr from 'ipaddr.js';
import { AppError } from '../common';

/** `off`: presets only. `https-public`: public https or allow-listed. `allowlist`: allow-listed only. */
export type CustomBaseUrlMode = 'off' | 'https-public' | 'allowlist';

/** What the operator allows; see `.env.example`. */
export interface OutboundPolicyOptions {
  readonly customBaseUrl: CustomBaseUrlMode;
  /** `host:port` each; an IPv6 address stands in brackets. Exempt from every rule but the mode `off`. */
  readonly allowedHosts: readonly string[];
}

const URL_LENGTH_MAX = 2048;
const PRIVATE_NAME_SUFFIXES = ['localhost', 'local', 'internal', 'home.arpa', 'lan', 'intranet'];
/** Azure WireServer. A public address by its range, but one that only the inside of Azure answers on. */
const AZURE_WIRE_SERVER = '168.63.129.16';

/** What a checked URL is to whoever wrote it. */
interface UrlField {
  /** As a fault calls it. */
  readonly name: string;
  readonly pointer: string;
}

const BASE_URL: UrlField = { name: 'base URL', pointer: '/baseUrl' };
const WEBHOOK_URL: UrlField = { name: 'URL', pointer: '/url' };

/**
 * Where this server may send a key or an event. Immutable. Two walls: the text of a URL when it is saved, and
 * the origin and address of every connection when it is opened (a name may resolve to anything later).
 */
export class OutboundPolicy {
  readonly #mode: CustomBaseUrlMode;
  readonly #allowedHosts: ReadonlySet<string>;

  /** @throws {RangeError} an entry of `allowedHosts` is not `host:port`. */
  constructor(options: OutboundPolicyOptions) {
    this.#mode = options.customBaseUrl;
    this.#allowedHosts = new Set(options.allowedHosts.map(canonicalHostAndPort));
  }

  /**
   * The canonical form of a custom base URL: parsed once, lower-case host, no default port, path kept,
   * no trailing slash. Canonicalising the result again changes nothing.
   * @throws {AppError} `blocked_destination` with a sentence that names the fault, never the URL.
   */
  checkBaseUrl(text: string): string {
    if (this.#mode === 'off') {
      throw blocked(
        'Custom base URLs are switched off on this server (KEYRUN_CUSTOM_BASE_URL=off).',
        BASE_URL,
      );
    }
    const url = parse(text, BASE_URL);
    if (text.includes('?')) throw blocked('The base URL must not have a query (?…).', BASE_URL);
    this.#checkTarget(url, BASE_URL);
    return `${url.protocol}//${url.host}${withoutTrailingSlashes(url.pathname)}`;
  }

  /**
   * The canonical form of a URL that events are sent to. A query may stay: it is how many receivers tell their
   * callers apart. Without `https-public` only what is allow-listed may be called, also under `off`.
   * @throws {AppError} `blocked_destination` with a sentence that names the fault, never the URL.
   */
  checkWebhookUrl(text: string): string {
    const url = parse(text, WEBHOOK_URL);
    this.#checkTarget(url, WEBHOOK_URL);
    return url.href;
  }

  /**
   * Second look at the origin of a connection about to be opened, whoever asked for it.
   * @throws {AppError} `blocked_destination`
   */
  checkOrigin(origin: URL): void {
    if (this.#isAllowListed(plainHost(origin.hostname), effectivePort(origin))) return;
    const fault = originFault(origin);
    if (fault !== null) throw blocked(fault, BASE_URL);
  }

  /**
   * Whether a connection to `hostname:port` may be opened to this IP address.
   * @throws {AppError} `blocked_destination`
   */
  checkAddress(hostname: string, port: number, address: string): void {
    if (!this.allowsAddress(hostname, port, address)) {
      throw blocked('The host resolves to an address that is not public.', BASE_URL);
    }
  }

  /** The rule of {@link checkAddress} as an answer. Anything that is no IP address is refused. */
  allowsAddress(hostname: string, port: number, address: string): boolean {
    return this.#isAllowListed(plainHost(hostname), port) || isPublicAddress(address);
  }

  #checkTarget(url: URL, field: UrlField): void {
    if (this.#isAllowListed(plainHost(url.hostname), effectivePort(url))) return;
    const fault =
      this.#mode === 'https-public'
        ? originFault(url)
        : 'The host and port are not on the allow-list of this server (KEYRUN_ALLOWED_HOSTS).';
    if (fault !== null) throw blocked(fault, field);
  }

  #isAllowListed(host: string, port: number): boolean {
    return this.#allowedHosts.has(`${host}:${port}`);
  }
}

/** Global unicast, by the address that a mapped IPv4 address really is. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  if (parsed.range() !== 'unicast') return false;
  if (parsed instanceof ipaddr.IPv6) {
    // 2000::/3. Without it `::7f00:1` (the deprecated form of ::127.0.0.1) counts as unicast.
    return ((parsed.parts[0] ?? 0) & 0xe000) === 0x2000;
  }
  return parsed.toString() !== AZURE_WIRE_SERVER;
}

function parse(text: string, field: UrlField): URL {
  const { name } = field;
  if (text.length > URL_LENGTH_MAX)
    throw blocked(`The ${name} is longer than ${URL_LENGTH_MAX} characters.`, field);
  // The URL parser would drop these silently, and what is shown would not be what is called.
  if (/[\p{Cc}\s]/u.test(text)) {
    throw blocked(`The ${name} contains white space or control characters.`, field);
  }
  const url = URL.parse(text);
  if (url === null) throw blocked(`The ${name} is not a URL.`, field);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw blocked(`The scheme of the ${name} must be https.`, field);
  }
  if (url.username !== '' || url.password !== '') {
    throw blocked(
      field === BASE_URL
        ? 'The base URL contains credentials. Save the key as `apiKey` instead.'
        : `The ${name} contains credentials. The signature is what proves the sender.`,
      field,
    );
  }
  if (text.includes('#')) throw blocked(`The ${name} must not have a fragment (#…).`, field);
  return url;
}

/** Why a host that is not allow-listed may not be called, or null. */
function originFault(url: URL): string | null {
  const host = plainHost(url.hostname);
  if (url.protocol !== 'https:')
    return 'The scheme must be https; http needs an entry in KEYRUN_ALLOWED_HOSTS.';
  if (isAddress(host)) {
    return isPublicAddress(host)
      ? 'The host is an IP address; that needs an entry in KEYRUN_ALLOWED_HOSTS.'
      : 'The host is an address that is not public; that needs an entry in KEYRUN_ALLOWED_HOSTS.';
  }
  if (effectivePort(url) !== 443)
    return 'The port must be 443; another needs an entry in KEYRUN_ALLOWED_HOSTS.';
  if (host.endsWith('.')) return 'The host must not end with a dot.';
  if (PRIVATE_NAME_SUFFIXES.some((suffix) => host === suffix || host.endsWith(`.${suffix}`))) {
    return 'The host is a name of a private network (localhost, .local, .internal, …).';
  }
  if (!host.includes('.')) return 'The host is not a public name: it has no domain.';
  return null;
}

function isAddress(host: string): boolean {
  return ipaddr.isValid(host);
}

function plainHost(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}

function effectivePort(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

function withoutTrailingSlashes(path: string): string {
  let end = path.length;
  while (end > 0 && path[end - 1] === '/') end -= 1;
  return path.slice(0, end);
}

function canonicalHostAndPort(entry: string): string {
  const match = /^(?<host>[^/?#@\s]+):(?<port>\d{1,5})$/.exec(entry);
  const port = Number(match?.groups?.port);
  const url = match === null ? null : URL.parse(`http://${entry}/`);
  if (url === null || !(port >= 1 && port <= 65535)) {
    throw new RangeError(
      'An allowed host must be written host:port, e.g. localhost:11434 or [::1]:8080.',
    );
  }
  return `${plainHost(url.hostname)}:${port}`;
}

function blocked(sentence: string, { pointer }: UrlField): AppError {
  return new AppError('blocked_destination', sentence, {
    fields: [{ pointer, message: sentence }],
  });
}
