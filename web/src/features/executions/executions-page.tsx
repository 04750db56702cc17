import { Card, Center, Loader, Text } from '@mantine/core';
import { useNavigate, useParams } from 'react-router';
import { EchoDemo } from '../../app/echo-demo';
import { useWorkspaceId } from '../../app/workspace';
import { formatCount } from '../../elements/format';
import { Page } from '../../elements/page';
import { ProblemAlert } from '../../elements/problem-alert';
import { toProblem } from '../../http/problem';
import { ExecutionDrawer } from './execution-drawer';
import { ExecutionTable } from './execution-table';
import { FilterBar } from './filter-bar';
import { useFilters } from './filters';
import { useFocusOfClosed } from './use-focus-of-closed';
import { useLiveExecutions } from './use-live-executions';

/** Everything that ran and runs, as it happens. */
export function ExecutionsPage() {
  const workspaceId = useWorkspaceId();
  const { executionId } = useParams();
  const navigate = useNavigate();
  useFocusOfClosed(executionId);
  const state = useFilters();
  const live = useLiveExecutions(state.filters);
  const list = `/workspaces/${workspaceId}/executions${state.search && `?${state.search}`}`;
  return (
    <Page
      title="Executions"
      lead="Newest first, and live. Every attempt at a provider is written down before it is made."
    >
      <FilterBar state={state} />
      <ProblemAlert problem={live.error && toProblem(live.error)} onRetry={live.reload} />
      <Rows live={live} search={state.search} />
      {executionId !== undefined && (
        <ExecutionDrawer executionId={executionId} onClose={() => void navigate(list)} />
      )}
    </Page>
  );
}

function Rows({ live, search }: { live: ReturnType<typeof useLiveExecutions>; search: string }) {
  if (live.rows.length > 0) {
    return (
      <div>
        <ExecutionTable live={live} search={search} />
        <Text size="sm" c="dimmed" mt={4}>
          {formatCount(live.rows.length)} loaded{live.hasMore && '; scroll for more'}
        </Text>
      </div>
    );
  }
  if (live.isLoading) {
    return (
      <Center mih={200}>
        <Loader aria-label="Loading the executions" />
      </Center>
    );
  }
  return live.error === null ? <NoExecutions isFiltered={search !== ''} /> : null;
}

function NoExecutions({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) {
    return (
      <Card withBorder>
        <Text role="status">No execution fits these filters.</Text>
      </Card>
    );
  }
  return (
    <Card withBorder>
      <Text mb="sm">
        Nothing ran yet. Run something in the playground, or send a request: an execution appears
        here the moment it starts.
      </Text>
      <EchoDemo />
    </Card>
  );
}
