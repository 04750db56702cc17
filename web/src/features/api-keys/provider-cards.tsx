import { Button, Card, Group, SimpleGrid, Stack, Text } from '@mantine/core';
import { Link } from 'react-router';
import type { ApiKeyResponse, ProviderResponse } from '../../client';
import { useWorkspaceId } from '../../app/workspace';
import { ProviderLogo } from '../../elements/provider-logo';

interface ProviderCardsProps {
  readonly providers: readonly ProviderResponse[];
  readonly keys: readonly ApiKeyResponse[];
  readonly mayAdd: boolean;
  readonly onAdd: (provider: ProviderResponse) => void;
}

export function ProviderCards({ providers, keys, mayAdd, onAdd }: ProviderCardsProps) {
  const workspaceId = useWorkspaceId();
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, lg: 3 }} component="ul" p={0} m={0}>
      {providers.map((provider) => (
        <Card key={provider.id} withBorder component="li">
          <Stack justify="space-between" h="100%" gap="sm">
            <Group wrap="nowrap" align="flex-start">
              <ProviderLogo id={provider.id} name={provider.displayName} />
              <div>
                <Text fw={600}>{provider.displayName}</Text>
                <Text size="sm" c="dimmed">
                  {healthOf(provider, keys)}
                </Text>
              </div>
            </Group>
            {provider.requiresKey ? (
              mayAdd && (
                <Button
                  variant="default"
                  onClick={() => {
                    onAdd(provider);
                  }}
                >
                  Add {provider.displayName} key
                </Button>
              )
            ) : (
              <Button
                variant="default"
                component={Link}
                to={`/workspaces/${workspaceId}/playground?provider=${provider.id}`}
              >
                Try it, no key needed
              </Button>
            )}
          </Stack>
        </Card>
      ))}
    </SimpleGrid>
  );
}

/** E.g. `2 keys · 1 needs attention`. */
function healthOf(provider: ProviderResponse, keys: readonly ApiKeyResponse[]): string {
  if (!provider.requiresKey) return 'Built in; sends nothing to anybody';
  const own = keys.filter((key) => key.provider === provider.id);
  if (own.length === 0) return 'No key yet';
  const ill = own.filter(({ status }) => ['invalid', 'unreadable'].includes(status)).length;
  const working = own.filter(({ status }) => status === 'active').length;
  const count = own.length === 1 ? '1 key' : `${own.length} keys`;
  if (ill > 0) return `${count} · ${ill} ${ill === 1 ? 'needs' : 'need'} attention`;
  return working > 0 ? `${count} · healthy` : `${count} · not proved yet`;
}
