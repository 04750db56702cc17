import { Alert, Anchor, Box, Button, Card, Code, Stack, Text, Title } from '@mantine/core';
import { type SubmitEvent, useEffect, useRef } from 'react';
import { ProblemAlert } from '../elements/problem-alert';
import { SecretInput } from '../elements/secret-input';
import { useAction } from '../elements/use-action';
import type { SessionStore } from './session-store';

/** The way in: paste a token, or open the link that the start of the server prints. */
export function SignInPage({ store, reason }: { store: SessionStore; reason: string | null }) {
  const input = useRef<HTMLInputElement>(null);
  const signIn = useAction(async (token: string) => store.signIn(token));
  useEffect(() => {
    document.title = 'Sign in – Keyrun';
    input.current?.focus();
  }, []);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const token = input.current?.value.trim() ?? '';
    if (input.current !== null) input.current.value = '';
    if (token !== '') void signIn.run(token);
  };
  return (
    <Box className="over-page" p="md" component="main">
      <Card withBorder padding="xl" maw={440} w="100%">
        <form onSubmit={submit}>
          <Stack>
            <Title order={1} size="h2">
              Sign in to Keyrun
            </Title>
            {reason !== null && signIn.problem === null && (
              <Alert color="yellow" role="status">
                {reason}
              </Alert>
            )}
            <SecretInput
              ref={input}
              label="Access token"
              description="Starts with kr_pat_. It is traded for a session and kept nowhere in this browser."
              name="token"
              required
            />
            <ProblemAlert problem={signIn.problem} />
            <Button type="submit" loading={signIn.isRunning}>
              Sign in
            </Button>
            <Text size="sm" c="dimmed">
              On the first start, the server prints a sign-in link on its terminal and writes the
              token of the owner to <Code>data/owner-token</Code>. The{' '}
              <Anchor href="/docs" underline="always" inherit>
                API reference
              </Anchor>{' '}
              is open to everybody.
            </Text>
          </Stack>
        </form>
      </Card>
    </Box>
  );
}
