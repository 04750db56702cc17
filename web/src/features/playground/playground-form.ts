import { useState } from 'react';
import { useSearchParams } from 'react-router';
import type { ExecutionRequest } from '../../elements/curl';

/** What is typed on the page. */
export interface Draft {
  readonly provider: string;
  readonly model: string;
  readonly agentId: string;
  /** Empty: the first usable key of the provider. */
  readonly apiKeyId: string;
  readonly system: string;
  readonly prompt: string;
  readonly maxTokens: string;
}

/** Pointers of the fields that are always seen. */
export const TARGET_POINTERS = ['/provider', '/model', '/agentId', '/messages'] as const;
/** Pointers of those that are folded away until one of them is wanted or refused. */
export const MORE_POINTERS = ['/system', '/apiKeyId', '/maxTokens'] as const;

const GREETING = 'Hello! Say this back to me.';

/** A draft that begins as the address says. An address only fills in: whoever wrote it may not spend. */
export function useDraft() {
  const [parameters] = useSearchParams();
  const provider = parameters.get('provider') ?? 'echo';
  const [draft, setDraft] = useState<Draft>({
    provider,
    model: parameters.get('model') ?? (provider === 'echo' ? 'echo' : ''),
    agentId: parameters.get('agentId') ?? 'playground',
    apiKeyId: '',
    system: '',
    prompt: GREETING,
    maxTokens: '',
  });
  const change = (part: Partial<Draft>) => {
    setDraft((current) => ({ ...current, ...part }));
  };
  return { draft, change };
}

/** The request that the draft stands for. */
export function toRequest(draft: Draft): ExecutionRequest {
  const maxTokens = Number(draft.maxTokens);
  return {
    agentId: draft.agentId,
    provider: draft.provider,
    model: draft.model,
    ...(draft.system.trim() === '' ? {} : { system: draft.system }),
    messages: [{ role: 'user', content: draft.prompt }],
    ...(draft.maxTokens === '' || Number.isNaN(maxTokens) ? {} : { maxTokens }),
    ...(draft.apiKeyId === '' ? {} : { apiKeyId: draft.apiKeyId }),
  };
}
