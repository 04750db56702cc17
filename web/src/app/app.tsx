import { Center, Loader, MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClientProvider } from '@tanstack/react-query';
import { BrowserRouter } from 'react-router';
import { queryClient } from './query-client';
import { AppRoutes } from './routes';
import { SessionGate } from './session';
import { SignInPage } from './sign-in-page';
import { styleNonce } from './style-nonce';
import { cssVariables, theme } from './theme';

const CHECKING = (
  <Center mih="100vh" component="main">
    <Loader aria-label="Loading" />
  </Center>
);

export function App() {
  return (
    <MantineProvider
      theme={theme}
      defaultColorScheme="auto"
      cssVariablesResolver={cssVariables}
      getStyleNonce={() => styleNonce}
    >
      <Notifications position="bottom-right" aria-live="polite" zIndex={1000} />
      <QueryClientProvider client={queryClient}>
        <BrowserRouter>
          <SessionGate
            checking={CHECKING}
            signIn={(store, reason) => <SignInPage store={store} reason={reason} />}
          >
            <AppRoutes />
          </SessionGate>
        </BrowserRouter>
      </QueryClientProvider>
    </MantineProvider>
  );
}
