import { Alert, Button, Group, Select, Skeleton, Stack, Text } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import {
  type AuditEventResponse,
  auditControllerList,
  auditControllerVerify,
  type AuditVerificationResponse,
} from '../../client';
import { useWorkspaceId } from '../../app/workspace';
import { formatCount } from '../../elements/format';
import { ProblemAlert } from '../../elements/problem-alert';
import { useAction } from '../../elements/use-action';
import { toProblem } from '../../http/problem';
import { AUDIT_ACTIONS } from './audit-actions';
import { AuditEvents } from './audit-events';

const PAGE_LIMIT = 50;

/** Who did what, and the proof that nobody changed it since. */
export function AuditSection() {
  const workspaceId = useWorkspaceId();
  const [action, setAction] = useState<string | null>(null);
  const events = useInfiniteQuery({
    queryKey: ['audit-events', workspaceId, action],
    queryFn: async ({ pageParam }) => {
      const query = {
        limit: PAGE_LIMIT,
        ...(pageParam === undefined ? {} : { after: pageParam }),
        ...(action === null ? {} : { action: action as AuditEventResponse['action'] }),
      };
      return (await auditControllerList({ path: { workspaceId }, query })).data;
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
  });
  const [result, setResult] = useState<AuditVerificationResponse | null>(null);
  const verification = useAction(async () => {
    setResult((await auditControllerVerify({ path: { workspaceId } })).data);
  });
  const rows = events.data?.pages.flatMap(({ data }) => data) ?? [];
  return (
    <Stack>
      <Group align="flex-end" justify="space-between">
        <Select
          label="Action"
          placeholder="All"
          clearable
          searchable
          data={[...AUDIT_ACTIONS]}
          value={action}
          onChange={setAction}
        />
        <Group gap="xs">
          <Button
            variant="default"
            loading={verification.isRunning}
            onClick={() => void verification.run()}
          >
            Verify the chain
          </Button>
          <Button
            component="a"
            variant="default"
            href={`/api/workspaces/${workspaceId}/audit-events/export`}
            download
          >
            Export
          </Button>
        </Group>
      </Group>
      <ProblemAlert problem={verification.problem} />
      {result !== null && <Verified result={result} />}
      <ProblemAlert problem={events.error && toProblem(events.error)} onRetry={events.refetch} />
      {events.isPending && <Skeleton h={200} />}
      {events.isSuccess && <AuditEvents events={rows} />}
      {events.hasNextPage && (
        <Button
          variant="default"
          loading={events.isFetchingNextPage}
          onClick={() => void events.fetchNextPage()}
        >
          Earlier events
        </Button>
      )}
    </Stack>
  );
}

function Verified({ result }: { result: AuditVerificationResponse }) {
  return (
    <Alert
      role="status"
      color={result.ok ? 'green' : 'red'}
      title={result.ok ? 'The chain is whole' : 'The chain is broken'}
    >
      <Text size="sm" className="wrap-anywhere">
        {formatCount(result.events)} events checked.{' '}
        {result.firstBroken !== null &&
          `The first that was tampered with is number ${result.firstBroken.sequence}: ${result.firstBroken.reason}.`}
        {result.ok &&
          result.head !== null &&
          `It ends with ${result.head.hash}. Kept elsewhere, this proves that nothing before it changed.`}
      </Text>
    </Alert>
  );
}
