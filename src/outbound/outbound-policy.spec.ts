import * as fc from 'fast-check';
import { AppError } from '../common';
import { type CustomBaseUrlMode, isPublicAddress, OutboundPolicy } from './outbound-policy';

function policy(customBaseUrl: CustomBaseUrlMode = 'https-public', ...allowedHosts: string[]) {
  return new OutboundPolicy({ customBaseUrl, allowedHosts });
}

function faultOf(run: () => unknown, pointer = '/baseUrl'): string {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError && error.code === 'blocked_destination') {
      expect(error.options.fields).toEqual([{ pointer, message: error.message }]);
      return error.message;
    }
    throw error;
  }
  return 'allowed';
}

/** Hosts that lead inside, in every way of writing them that a URL parser or a resolver accepts. */
const INSIDE_HOSTS = [
  '127.0.0.1',
  '127.1',
  '127.0.1',
  '127.255.255.254',
  '0x7f.1',
  '0x7f000001',
  '0x7f.0x0.0x0.0x1',
  '2130706433',
  '0177.0.0.1',
  '017700000001',
  '0',
  '0.0.0.0',
  '127.0.0.1.',
  '①②⑦.⓪.⓪.①',
  '１２７．０．０．１',
  '127。0。0。1',
  '10.0.0.1',
  '10.255.255.255',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.0.1',
  '169.254.169.254',
  '169.254.170.2',
  '0xa9fea9fe',
  '2852039166',
  '100.64.0.1',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  '192.0.2.1',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '[::]',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[::7f00:1]',
  '[::127.0.0.1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::ffff:169.254.169.254]',
  '[::ffff:0:127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[2002:7f00:1::]',
  '[2001::1]',
  '[2001:db8::1]',
  '[fc00::1]',
  '[fd00:ec2::254]',
  '[fe80::1]',
  '[fec0::1]',
  '[ff02::1]',
  '[100::1]',
  'localhost',
  'LOCALHOST',
  'localhost.',
  'api.localhost',
  'printer.local',
  'metadata.google.internal',
  'metadata.google.internal.',
  'metadata',
  'instance-data',
  'host.docker.internal',
  'router.home.arpa',
];

describe('OutboundPolicy.checkBaseUrl', () => {
  it.each(INSIDE_HOSTS)('refuses https://%s under https-public', (host) => {
    expect(faultOf(() => policy().checkBaseUrl(`https://${host}/v1`))).not.toBe('allowed');
  });

  it('refuses public literals too, and says how to allow them', () => {
    for (const host of ['8.8.8.8', '[2606:4700::1111]']) {
      expect(faultOf(() => policy().checkBaseUrl(`https://${host}`))).toMatch(
        /IP address.*ALLOWED_HOSTS/,
      );
    }
  });

  it.each([
    ['https://user:hunter2@api.example.com', /credentials/],
    ['https://hunter2@api.example.com', /credentials/],
    ['http://api.example.com', /scheme must be https/],
    ['ftp://api.example.com', /scheme/],
    ['file:///etc/passwd', /scheme/],
    ['javascript:alert(1)', /scheme/],
    ['https://api.example.com/v1#', /fragment/],
    ['https://api.example.com/v1?a=hunter2', /query/],
    ['https://api.example.com:8443/v1', /port must be 443/],
    ['https://api.example.com:80/v1', /port must be 443/],
    ['https://api.example.com./v1', /end with a dot/],
    ['https://api.exam\tple.com', /white space/],
    [' https://api.example.com', /white space/],
    ['https://api.example.com/\u0000', /white space/],
    ['api.example.com', /not a URL/],
    ['https://', /not a URL/],
    ['', /not a URL/],
    [`https://api.example.com/${'a'.repeat(2048)}`, /longer/],
    ['https://intranet/v1', /private network/],
    ['https://vllm/v1', /no domain/],
    ['https://127.0.0.1/v1', /not public/],
  ])('names the fault of %s', (text, sentence) => {
    const fault = faultOf(() => policy().checkBaseUrl(text));
    expect(fault).toMatch(sentence);
    expect(fault).not.toMatch(/hunter2/);
  });

  it.each([
    ['https://API.Example.com/V1/', 'https://api.example.com/V1'],
    ['HTTPS://api.example.com:443', 'https://api.example.com'],
    ['https://api.example.com///', 'https://api.example.com'],
    ['https://api.example.com/a/../b/./c', 'https://api.example.com/b/c'],
    ['https://api.example.com/%2e%2e/v1', 'https://api.example.com/v1'],
    ['https:\\\\api.example.com\\v1', 'https://api.example.com/v1'],
    ['https://bücher.example/v1', 'https://xn--bcher-kva.example/v1'],
  ])('makes %s canonical', (text, canonical) => {
    expect(policy().checkBaseUrl(text)).toBe(canonical);
  });

  it('gives a form that stays the same', () => {
    fc.assert(
      fc.property(fc.webUrl({ validSchemes: ['https'], withQueryParameters: false }), (text) => {
        let canonical: string;
        try {
          canonical = policy().checkBaseUrl(text);
        } catch {
          return;
        }
        expect(policy().checkBaseUrl(canonical)).toBe(canonical);
        expect(canonical).not.toMatch(/\/$/);
      }),
    );
  });

  it('allows what is listed, exactly there', () => {
    const listed = policy(
      'https-public',
      'localhost:11434',
      '127.0.0.1:8080',
      '[::1]:9',
      'Ollama.lan:80',
    );
    expect(listed.checkBaseUrl('http://localhost:11434/v1')).toBe('http://localhost:11434/v1');
    expect(listed.checkBaseUrl('http://127.1:8080')).toBe('http://127.0.0.1:8080');
    expect(listed.checkBaseUrl('http://[0::1]:9/')).toBe('http://[::1]:9');
    expect(listed.checkBaseUrl('http://ollama.lan/v1')).toBe('http://ollama.lan/v1');
    expect(faultOf(() => listed.checkBaseUrl('http://localhost:11435/v1'))).not.toBe('allowed');
    expect(faultOf(() => listed.checkBaseUrl('http://user@localhost:11434/v1'))).toMatch(
      /credentials/,
    );
    expect(listed.checkBaseUrl('https://api.example.com')).toBe('https://api.example.com');
  });

  it('allows only what is listed under allowlist, and nothing under off', () => {
    const listed = policy('allowlist', 'api.example.com:443');
    expect(listed.checkBaseUrl('https://api.example.com/v1')).toBe('https://api.example.com/v1');
    expect(faultOf(() => listed.checkBaseUrl('https://other.example.com'))).toMatch(/allow-list/);
    const off = policy('off', 'api.example.com:443');
    expect(faultOf(() => off.checkBaseUrl('https://api.example.com/v1'))).toMatch(/switched off/);
  });

  it.each([
    'localhost',
    'localhost:',
    ':80',
    'localhost:0',
    'localhost:65536',
    'http://a:80',
    'a b:80',
  ])('does not start with the allowed host %j', (entry) => {
    expect(() => policy('allowlist', entry)).toThrow(RangeError);
  });
});

describe('OutboundPolicy.checkWebhookUrl', () => {
  const check = (text: string, ...setting: Parameters<typeof policy>) =>
    faultOf(() => policy(...setting).checkWebhookUrl(text), '/url');

  it.each(INSIDE_HOSTS)('refuses https://%s', (host) => {
    expect(check(`https://${host}/hook`)).not.toBe('allowed');
  });

  it.each([
    ['https://user:hunter2@hooks.example.com', /credentials/],
    ['https://hunter2@hooks.example.com', /credentials/],
    ['http://hooks.example.com', /scheme must be https/],
    ['ftp://hooks.example.com', /scheme/],
    ['https://hooks.example.com/#hunter2', /fragment/],
    ['https://hooks.example.com:8443/', /port must be 443/],
    ['https://8.8.8.8/', /IP address/],
    ['https://hooks.example.com/ hunter2', /white space/],
    ['hooks.example.com', /not a URL/],
    [`https://hooks.example.com/${'a'.repeat(2048)}`, /longer/],
  ])('names the fault of the webhook URL %s', (text, sentence) => {
    expect(check(text)).toMatch(sentence);
    expect(check(text)).not.toMatch(/hunter2/);
  });

  it('keeps path and query as they are', () => {
    const url = 'https://hooks.example.com/a/?token=b&c=%20';
    expect(policy().checkWebhookUrl(url.replace('hooks', 'HOOKS'))).toBe(url);
  });

  it('allows what is listed, and under allowlist and off nothing else', () => {
    const local = 'http://localhost:8080/hook';
    expect(check(local)).toMatch(/scheme must be https/);
    for (const mode of ['https-public', 'allowlist', 'off'] as const) {
      expect(check(local, mode, 'localhost:8080')).toBe('allowed');
      expect(check('http://localhost:8081/hook', mode, 'localhost:8080')).not.toBe('allowed');
    }
    expect(check('https://hooks.example.com', 'allowlist')).toMatch(/allow-list/);
    expect(check('https://hooks.example.com', 'off')).toMatch(/allow-list/);
  });
});

describe('OutboundPolicy.checkAddress', () => {
  const literals = INSIDE_HOSTS.map((host) => URL.parse(`https://${host}`)?.hostname ?? '')
    .map((host) => host.replace(/^\[|\]$/g, ''))
    .filter((host) => /^[\d.]+$|:/.test(host));

  it('has a table worth the name', () => {
    expect(INSIDE_HOSTS.length).toBeGreaterThanOrEqual(60);
    expect(literals.length).toBeGreaterThanOrEqual(50);
  });

  it.each(literals)('refuses %s for a name that resolves to it', (address) => {
    expect(isPublicAddress(address)).toBe(false);
    expect(
      faultOf(() => {
        policy().checkAddress('api.example.com', 443, address);
      }),
    ).toMatch(/not public/);
  });

  it.each([
    '8.8.8.8',
    '1.1.1.1',
    '168.63.129.15',
    '2606:4700::1111',
    '2a00:1450::1',
    '::ffff:8.8.8.8',
  ])('allows %s', (address) => {
    expect(
      faultOf(() => {
        policy().checkAddress('api.example.com', 443, address);
      }),
    ).toBe('allowed');
  });

  it('refuses what is no address, and allows an inside address for a listed host and port only', () => {
    const listed = policy('https-public', 'vllm.example.com:8000');
    expect(listed.allowsAddress('vllm.example.com', 8000, '10.0.0.7')).toBe(true);
    expect(listed.allowsAddress('vllm.example.com', 443, '10.0.0.7')).toBe(false);
    expect(listed.allowsAddress('api.example.com', 8000, '10.0.0.7')).toBe(false);
    expect(listed.allowsAddress('api.example.com', 443, 'api.example.com')).toBe(false);
  });
});
