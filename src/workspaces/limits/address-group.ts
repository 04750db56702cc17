import ipaddr from 'ipaddr.js';

/** Whom an address stands for: one IPv4 address, or the /64 network that one subscriber of IPv6 has. */
export function addressGroup(address: string): string {
  // A link-local address names its interface.
  const [plain = ''] = address.split('%');
  if (!ipaddr.isValid(plain)) return 'unknown';
  const parsed = ipaddr.process(plain);
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toString()}/64`).toString()}/64`;
}
