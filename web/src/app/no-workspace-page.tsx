import { Button } from '@mantine/core';
import { useEffect } from 'react';
import { Link } from 'react-router';
import { Page } from '../elements/page';
import { useSession } from './session';
import { forgetWorkspace } from './workspace';

/** A workspace that is gone, or not for this token: which of them is not told. */
export function NoWorkspacePage() {
  const { session } = useSession();
  useEffect(forgetWorkspace, []);
  return (
    <Page
      title="No such workspace"
      lead="It was deleted, or your token has no access to it. Ask one of its owners for a token."
    >
      <Button component={Link} to={`/workspaces/${session.workspaceId}/keys`} w="fit-content">
        To your own workspace
      </Button>
    </Page>
  );
}
