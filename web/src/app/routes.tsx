import { lazy } from 'react';
import { Navigate, Route, Routes } from 'react-router';
import { ApiKeyManager } from '../features/api-keys/api-keys-page';
import { Frame } from './frame';
import { NotFoundPage } from './not-found-page';
import { useSession } from './session';
import { lastWorkspace } from './workspace';

const ExecutionsPage = lazy(async () => ({
  default: (await import('../features/executions/executions-page')).ExecutionsPage,
}));
const PlaygroundPage = lazy(async () => ({
  default: (await import('../features/playground/playground-page')).PlaygroundPage,
}));
const UsagePage = lazy(async () => ({
  default: (await import('../features/usage/usage-page')).UsagePage,
}));
const SettingsPage = lazy(async () => ({
  default: (await import('../features/settings/settings-page')).SettingsPage,
}));

/** The pages. What the first visit does not show is loaded late. */
export function AppRoutes() {
  const { session } = useSession();
  const home = `/workspaces/${lastWorkspace() ?? session.workspaceId}/keys`;
  return (
    <Routes>
      <Route path="/" element={<Navigate to={home} replace />} />
      <Route path="/workspaces" element={<Navigate to={home} replace />} />
      <Route path="/workspaces/:workspaceId" element={<Frame />}>
        <Route index element={<Navigate to="keys" replace />} />
        <Route path="keys" element={<ApiKeyManager />} />
        <Route path="executions" element={<ExecutionsPage />} />
        <Route path="executions/:executionId" element={<ExecutionsPage />} />
        <Route path="playground" element={<PlaygroundPage />} />
        <Route path="usage" element={<UsagePage />} />
        <Route path="settings" element={<Navigate to="workspace" replace />} />
        <Route path="settings/:section" element={<SettingsPage />} />
        <Route path="*" element={<NotFoundPage />} />
      </Route>
    </Routes>
  );
}
