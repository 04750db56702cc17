import { useQuery } from '@tanstack/react-query';
import { useParams } from 'react-router';
import {
  type WorkspaceResponse,
  workspacesControllerGet,
  workspacesControllerList,
} from '../client';
import { readAll } from '../http/pages';
import { useSession } from './session';

/** What a role allows, as the API names it. */
export type Permission = WorkspaceResponse['permissions'][number];

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

/** The workspace that the address names, with what the person may do in it. */
export function useWorkspace() {
  const workspaceId = useWorkspaceId();
  return useQuery({
    queryKey: ['workspaces', workspaceId],
    queryFn: async () => (await workspacesControllerGet({ path: { workspaceId } })).data,
  });
}

/** Whether the person may do it in this workspace. Until that is known: what they may at home, elsewhere nothing. */
export function useMay(permission: Permission): boolean {
  const { session } = useSession();
  const workspaceId = useWorkspaceId();
  const { data } = useWorkspace();
  const atHome = workspaceId === session.workspaceId ? session.permissions : [];
  return (data?.permissions ?? atHome).includes(permission);
}
