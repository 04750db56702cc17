import { Tabs } from '@mantine/core';
import { useNavigate, useParams } from 'react-router';
import { NotFoundPage } from '../../app/not-found-page';
import { useWorkspaceId } from '../../app/workspace';
import { Page } from '../../elements/page';
import { AuditSection } from './audit-section';
import { EncryptionSection } from './encryption-section';
import { TokensSection } from './tokens-section';
import { WebhooksSection } from './webhooks-section';
import { WorkspaceSection } from './workspace-section';

const SECTIONS = [
  { name: 'workspace', label: 'Workspace', Section: WorkspaceSection },
  { name: 'tokens', label: 'Tokens', Section: TokensSection },
  { name: 'webhooks', label: 'Webhooks', Section: WebhooksSection },
  { name: 'audit', label: 'Audit trail', Section: AuditSection },
  { name: 'encryption', label: 'Encryption', Section: EncryptionSection },
] as const;

export function SettingsPage() {
  const workspaceId = useWorkspaceId();
  const { section } = useParams();
  const navigate = useNavigate();
  const current = SECTIONS.find(({ name }) => name === section);
  if (current === undefined) return <NotFoundPage />;
  const { Section } = current;
  return (
    <Page title={`Settings: ${current.label}`}>
      <Tabs
        value={current.name}
        keepMounted={false}
        onChange={(name) => {
          if (name !== null) void navigate(`/workspaces/${workspaceId}/settings/${name}`);
        }}
      >
        <Tabs.List mb="lg">
          {SECTIONS.map(({ name, label }) => (
            <Tabs.Tab key={name} value={name}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {SECTIONS.map(({ name }) => (
          <Tabs.Panel key={name} value={name} keepMounted={false}>
            {name === current.name && <Section />}
          </Tabs.Panel>
        ))}
      </Tabs>
    </Page>
  );
}
