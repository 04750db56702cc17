import { useQuery } from '@tanstack/react-query';
import { useParams } from 'react-router';
import { type WorkspaceResponse, workspacesControllerList } from '../client';
import { readAll } from '../http/pages';
import { useSession } from './session';

const LAST = 'keyrun-workspace';

/** The workspace that this browser looked at last. */
export function lastWorkspace(): string | null {
  return localStorage.getItem(LAST);
}

export function rememberWorkspace(id: string): void {
  localStorage.setItem(LAST, id);
}

export function forgetWorkspace(): void {
  localStorage.removeItem(LAST);
}

/** The id of the workspace that the address names. */
export function useWorkspaceId(): string {
  const { workspaceId } = useParams();
  const { session } = useSession();
  return workspaceId ?? session.workspaceId;
}

export function useWorkspaces() {
  return useQuery({
    queryKey: ['workspaces'],
    queryFn: async (): Promise<WorkspaceResponse[]> =>
      readAll(async (query) => workspacesControllerList({ query })),
  });
}

/** Whether the person may do it. In other workspaces than the token's own only the server knows. */
export function useMay(permission: string): boolean {
  const { session } = useSession();
  const workspaceId = useWorkspaceId();
  return (
    workspaceId !== session.workspaceId || (session.permissions as string[]).includes(permission)
  );
}
