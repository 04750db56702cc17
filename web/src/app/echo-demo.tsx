import { Button } from '@mantine/core';
import { Link } from 'react-router';
import { ECHO_DEMO_STATE } from './echo-demo-state';
import { useMay, useWorkspaceId } from './workspace';

/** One click to a first execution that needs no key; for whoever may run one. */
export function EchoDemo() {
  const workspaceId = useWorkspaceId();
  const mayRun = useMay('executions:run');
  if (!mayRun) return null;
  return (
    <Button
      component={Link}
      to={`/workspaces/${workspaceId}/playground?provider=echo`}
      state={ECHO_DEMO_STATE}
      w="fit-content"
    >
      Run the echo demo
    </Button>
  );
}
