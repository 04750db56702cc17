import type { ProviderResponse } from '../../client';

/** Whose key a text looks like, by how it begins; null: no idea. The longest beginning wins. */
export function recogniseKey(
  text: string,
  providers: readonly ProviderResponse[],
): ProviderResponse | null {
  const matches = providers.flatMap((provider) =>
    provider.keyPrefixes
      .filter((prefix) => text.startsWith(prefix))
      .map((prefix) => ({ provider, length: prefix.length })),
  );
  matches.sort((left, right) => right.length - left.length);
  return matches[0]?.provider ?? null;
}
