import { QueryClient } from '@tanstack/react-query';
import { Problem } from '../http/problem';

const RETRIES_MAX = 8;
const RETRY_MS_MAX = 5_000;

/** Answers stay for the time that a page is looked at. Only what may pass is asked again. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (count, error) => {
        const mayPass = error instanceof Problem && (error.isUnreachable || error.status === 503);
        return mayPass && count < RETRIES_MAX;
      },
      retryDelay: (count) => Math.min(500 * 2 ** count, RETRY_MS_MAX),
      networkMode: 'always',
    },
  },
});
