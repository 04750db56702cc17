import ipaddr from 'ipaddr.js';
import { z } from 'zod';

/** Names under which the server is reached, lower case; without a port, any port. */
const publicHostList = z
  .string()
  .transform((text) => text.split(',').map((entry) => entry.trim().toLowerCase()))
  .transform((entries) => entries.filter((entry) => entry !== ''))
  .pipe(
    z.array(
      z
        .string()
        .regex(
          /^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?$/,
          'must be names or name:port, separated by commas',
        ),
    ),
  );

/** A number of proxies in front, or their addresses and networks. */
const trustedProxies = z
  .string()
  .transform((text) => text.split(',').map((entry) => entry.trim()))
  .transform((entries) => entries.filter((entry) => entry !== ''))
  .refine(
    (entries) => isHopCount(entries) || entries.every(isNetwork),
    'must be a number from 1 to 9, or addresses and networks (CIDR), separated by commas',
  )
  .transform((entries) => (isHopCount(entries) ? Number(entries[0]) : entries));

const yesOrNo = z.enum(['true', 'false']).transform((text) => text === 'true');

const count = z
  .string()
  .regex(/^[1-9]\d{0,6}$/, 'must be a whole number from 1 to 9999999')
  .transform(Number);

/** What concerns the way from the client to us: names, proxies, limits. */
export const HTTP_SETTINGS = {
  KEYRUN_PUBLIC_HOSTS: publicHostList.default([]),
  KEYRUN_BEHIND_TLS: yesOrNo.default(false),
  KEYRUN_TRUSTED_PROXIES: trustedProxies.default([]),
  KEYRUN_MANAGEMENT_REQUESTS_PER_MINUTE: count.default(600),
  KEYRUN_KEY_TESTS_PER_MINUTE: count.default(10),
  KEYRUN_FAILED_AUTHENTICATIONS_PER_MINUTE: count.default(10),
};

function isHopCount(entries: readonly string[]): boolean {
  return entries.length === 1 && /^[1-9]$/.test(entries[0] ?? '');
}

function isNetwork(entry: string): boolean {
  const address = entry.split('/', 1)[0] ?? '';
  const isAddress = ipaddr.IPv4.isValidFourPartDecimal(address) || ipaddr.IPv6.isValid(address);
  return isAddress && (address === entry || ipaddr.isValidCIDR(entry));
}
