import { Alert } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { healthControllerLive } from '../client';
import { queryClient } from './query-client';

const CHECK_MS = 10_000;
const RETRY_MS = 1_000;

/** Says when the server does not answer, and reads everything again once it does. */
export function ServerNotice() {
  const { isError } = useQuery({
    queryKey: ['server'],
    queryFn: async () => (await healthControllerLive()).response.ok,
    retry: false,
    refetchInterval: ({ state }) => (state.status === 'error' ? RETRY_MS : CHECK_MS),
  });
  const wasLost = useRef(false);
  useEffect(() => {
    if (!isError && wasLost.current) {
      void queryClient.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'server' });
    }
    wasLost.current = isError;
  }, [isError]);
  if (!isError) return null;
  return (
    <Alert color="yellow" role="status" mb="md" title="Keyrun does not answer">
      It may be restarting. This page goes on by itself as soon as it is back.
    </Alert>
  );
}
