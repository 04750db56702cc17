import { Environment } from './environment';

describe('the settings of the way from the client', () => {
  const parse = (variables: Record<string, string>) => Environment.parse(variables);

  it('by default trust no proxy and allow no name but those of the machine', () => {
    expect(parse({})).toMatchObject({
      publicHosts: [],
      isBehindTls: false,
      trustedProxies: [],
      managementRequestsPerMinute: 600,
      keyTestsPerMinute: 10,
      failedAuthenticationsPerMinute: 10,
    });
  });

  it.each([
    [
      'KEYRUN_PUBLIC_HOSTS',
      'Keyrun.example, proxy:8443',
      { publicHosts: ['keyrun.example', 'proxy:8443'] },
    ],
    ['KEYRUN_TRUSTED_PROXIES', '2', { trustedProxies: 2 }],
    ['KEYRUN_TRUSTED_PROXIES', '10.0.0.0/8, ::1', { trustedProxies: ['10.0.0.0/8', '::1'] }],
    ['KEYRUN_BEHIND_TLS', 'true', { isBehindTls: true }],
    ['KEYRUN_KEY_TESTS_PER_MINUTE', '3', { keyTestsPerMinute: 3 }],
  ])('read %s=%s', (name, text, expected) => {
    expect(parse({ [name]: text })).toMatchObject(expected);
  });

  it.each([
    ['KEYRUN_PUBLIC_HOSTS', 'https://keyrun.example'],
    ['KEYRUN_PUBLIC_HOSTS', '*'],
    ['KEYRUN_TRUSTED_PROXIES', 'true'],
    ['KEYRUN_TRUSTED_PROXIES', '0'],
    ['KEYRUN_TRUSTED_PROXIES', '99'],
    ['KEYRUN_TRUSTED_PROXIES', 'proxy.example'],
    ['KEYRUN_BEHIND_TLS', 'yes'],
    ['KEYRUN_MANAGEMENT_REQUESTS_PER_MINUTE', '0'],
    ['KEYRUN_FAILED_AUTHENTICATIONS_PER_MINUTE', '-1'],
  ])('refuse %s=%s', (name, text) => {
    expect(() => parse({ [name]: text })).toThrow(name);
  });
});
