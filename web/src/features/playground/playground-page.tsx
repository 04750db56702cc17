import { Button, Card, Code, Group, SimpleGrid, Stack, Title } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { useRef } from 'react';
import { RoleNote } from '../../app/role-note';
import { useMay, useWorkspaceId } from '../../app/workspace';
import { CopyButton } from '../../elements/copy-button';
import { asCurl } from '../../elements/curl';
import { Page } from '../../elements/page';
import { DraftFields } from './draft-fields';
import { toRequest, useDraft } from './playground-form';
import { RunResult } from './run-result';
import { useEchoDemo } from './use-echo-demo';
import { useRun } from './use-run';

/** Where one tries a model, sees what it says and what it costs, and takes the request along. */
export function PlaygroundPage() {
  const workspaceId = useWorkspaceId();
  const mayRun = useMay('executions:run');
  const { draft, change } = useDraft();
  const { state, run, stop } = useRun();
  const request = toRequest(draft);
  const start = () => void run.run(request);
  const form = useRef<HTMLFormElement>(null);
  useHotkeys([['mod+Enter', () => form.current?.requestSubmit()]], []);
  useEchoDemo(draft.provider, start);
  const curl = asCurl(workspaceId, request);
  return (
    <Page
      title="Playground"
      lead="Runs like any other: retried, metered and tracked, and paid with a key of this workspace."
    >
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        <form
          ref={form}
          onSubmit={(event) => {
            event.preventDefault();
            start();
          }}
        >
          <Stack>
            <DraftFields draft={draft} change={change} problem={run.problem} />
            <Group>
              <Button type="submit" loading={run.isRunning} disabled={!mayRun}>
                Run
              </Button>
              <RoleNote needs="executions:run" to="run executions" />
            </Group>
          </Stack>
        </form>
        <Stack>
          <RunResult
            state={state}
            isRunning={run.isRunning}
            problem={run.problem ?? stop.problem}
            onStop={() => void stop.run()}
          />
          <Card withBorder component="section" aria-label="The same request">
            <Group justify="space-between" mb="xs">
              <Title order={2} size="h4">
                The same from a shell
              </Title>
              <CopyButton text={curl} label="Copy as curl" />
            </Group>
            <Code
              block
              tabIndex={0}
              role="region"
              aria-label="The request as curl"
              className="wrapped-code"
            >
              {curl}
            </Code>
          </Card>
        </Stack>
      </SimpleGrid>
    </Page>
  );
}
