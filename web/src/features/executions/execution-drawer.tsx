import { Button, Center, Code, Drawer, Group, Loader, Stack, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from 'react-router';
import {
  type ExecutionDetailResponse,
  executionProgressControllerCancel,
  executionsControllerGet,
} from '../../client';
import { useMay, useWorkspaceId } from '../../app/workspace';
import { CopyButton } from '../../elements/copy-button';
import { asCurl, type ExecutionRequest } from '../../elements/curl';
import { notifyDone } from '../../elements/notify';
import { ProblemAlert } from '../../elements/problem-alert';
import { useAction } from '../../elements/use-action';
import { toProblem } from '../../http/problem';
import { queueExecution } from '../../http/run-execution';
import { AttemptTimeline } from './attempt-timeline';
import { ExecutionFacts } from './execution-facts';
import { ExecutionTexts } from './execution-texts';
import { isUnfinished } from './is-unfinished';
import { requestOf } from './execution-request';
import { ReceiptFacts } from './receipt-facts';

const POLL_MS = 1_000;

/** One execution, from its attempts to its receipt. */
export function ExecutionDrawer({
  executionId,
  onClose,
}: {
  executionId: string;
  onClose: () => void;
}) {
  const workspaceId = useWorkspaceId();
  const { data, error } = useQuery({
    queryKey: ['execution', workspaceId, executionId],
    queryFn: async () => {
      const path = { workspaceId, executionId };
      return (await executionsControllerGet({ path })).data;
    },
    refetchInterval: ({ state }) =>
      state.data !== undefined && isUnfinished(state.data) ? POLL_MS : false,
  });
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size="xl"
      title="Execution"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <ProblemAlert problem={error === null ? null : toProblem(error)} />
      {data === undefined && error === null && (
        <Center mih={200}>
          <Loader aria-label="Loading the execution" />
        </Center>
      )}
      {data !== undefined && <Details execution={data} />}
    </Drawer>
  );
}

function Details({ execution }: { execution: ExecutionDetailResponse }) {
  const queries = useQueryClient();
  const sent = queries.getQueryData<ExecutionRequest>(['execution-request', execution.id]);
  const request = sent ?? requestOf(execution);
  return (
    <Stack gap="lg">
      <Actions execution={execution} request={request} />
      <ExecutionFacts execution={execution} />
      <AttemptTimeline execution={execution} />
      <ExecutionTexts execution={execution} request={request} />
      <ReceiptFacts execution={execution} />
      <Text size="xs" c="dimmed">
        <Code>{execution.id}</Code>
      </Text>
    </Stack>
  );
}

/** A request that was not stored, nor sent by this page, can only be outlined. */
function Actions({
  execution,
  request,
}: {
  execution: ExecutionDetailResponse;
  request: ExecutionRequest | null;
}) {
  const { workspaceId, agentId, provider, model } = execution;
  const navigate = useNavigate();
  const queries = useQueryClient();
  const mayRun = useMay('executions:run');
  const again = useAction(async (body: ExecutionRequest) => {
    const run = await queueExecution(workspaceId, body);
    queries.setQueryData(['execution-request', run.id], body);
    notifyDone('It runs again.');
    await navigate(`/workspaces/${workspaceId}/executions/${run.id}`);
  });
  const cancellation = useAction(async () => {
    await executionProgressControllerCancel({ path: { workspaceId, executionId: execution.id } });
    await queries.invalidateQueries({ queryKey: ['execution', workspaceId, execution.id] });
    notifyDone('Cancelling.');
  });
  const outline = { agentId, provider, model, messages: [{ role: 'user', content: '…' }] };
  const edit = new URLSearchParams({ agentId, provider, model });
  const openPlayground = () => navigate(`/workspaces/${workspaceId}/playground?${edit.toString()}`);
  return (
    <Stack gap="xs">
      <Group gap="xs">
        {mayRun && isUnfinished(execution) && (
          <Button
            size="xs"
            color="red"
            loading={cancellation.isRunning}
            onClick={() => void cancellation.run()}
          >
            Cancel
          </Button>
        )}
        <CopyButton text={asCurl(workspaceId, request ?? outline)} label="Copy as curl" />
        {mayRun && (
          <Button
            size="xs"
            variant="default"
            loading={again.isRunning}
            onClick={() => (request === null ? void openPlayground() : void again.run(request))}
          >
            {request === null ? 'Run the like in the playground' : 'Run again'}
          </Button>
        )}
      </Group>
      <ProblemAlert problem={again.problem ?? cancellation.problem} />
    </Stack>
  );
}
