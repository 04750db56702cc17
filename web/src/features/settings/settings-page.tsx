import { Skeleton, Tabs } from '@mantine/core';
import { useEffect, useRef } from 'react';
import { useNavigate, useParams } from 'react-router';
import { NotFoundPage } from '../../app/not-found-page';
import { RoleNote } from '../../app/role-note';
import { useMay, useWorkspace, useWorkspaceId } from '../../app/workspace';
import { Page } from '../../elements/page';
import { AuditSection } from './audit-section';
import { EncryptionSection } from './encryption-section';
import { TokensSection } from './tokens-section';
import { WebhooksSection } from './webhooks-section';
import { WorkspaceSection } from './workspace-section';

const SECTIONS = [
  {
    name: 'workspace',
    label: 'Workspace',
    needs: 'workspace:read',
    Section: WorkspaceSection,
  },
  { name: 'tokens', label: 'Tokens', needs: 'tokens:read', Section: TokensSection },
  { name: 'webhooks', label: 'Webhooks', needs: 'webhooks:read', Section: WebhooksSection },
  { name: 'audit', label: 'Audit trail', needs: 'audit:read', Section: AuditSection },
  { name: 'encryption', label: 'Encryption', needs: 'data-keys:read', Section: EncryptionSection },
] as const;

export function SettingsPage() {
  const workspaceId = useWorkspaceId();
  const { section } = useParams();
  const { data: workspace } = useWorkspace();
  const navigate = useNavigate();
  const tabs = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const active = tabs.current?.querySelector('[aria-selected=true]');
    active?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [section, workspace]);
  const current = SECTIONS.find(({ name }) => name === section);
  if (current === undefined) return <NotFoundPage />;
  const isShown = ({ name, needs }: (typeof SECTIONS)[number]) =>
    name === current.name || workspace?.permissions.includes(needs) === true;
  return (
    <Page title={`Settings: ${current.label}`}>
      <Tabs
        value={current.name}
        keepMounted={false}
        onChange={(name) => {
          if (name !== null) void navigate(`/workspaces/${workspaceId}/settings/${name}`);
        }}
      >
        <Tabs.List ref={tabs} mb="lg" className="tabs-scroll">
          {SECTIONS.filter(isShown).map(({ name, label }) => (
            <Tabs.Tab key={name} value={name}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {SECTIONS.filter(isShown).map(({ name }) => (
          <Tabs.Panel key={name} value={name} keepMounted={false}>
            {name === current.name && <Content section={current} />}
          </Tabs.Panel>
        ))}
      </Tabs>
    </Page>
  );
}

/** Nothing is asked for that would only be refused. */
function Content({ section: { label, needs, Section } }: { section: (typeof SECTIONS)[number] }) {
  const may = useMay(needs);
  const { isPending } = useWorkspace();
  if (may) return <Section />;
  return isPending ? <Skeleton h={160} /> : <RoleNote needs={needs} to={`see “${label}”`} />;
}
