import { Alert, Code, Stack, Text, Title } from '@mantine/core';
import type { ExecutionDetailResponse } from '../../client';
import type { ExecutionRequest } from '../../elements/curl';

/** What was asked and answered, as far as it is kept. */
export function ExecutionTexts({
  execution: { output, metadata, unreadable },
  request,
}: {
  execution: ExecutionDetailResponse;
  request: ExecutionRequest | null;
}) {
  return (
    <Stack gap="md">
      <section aria-label="Request">
        <Title order={2} size="h5" mb={4}>
          Request
        </Title>
        {request === null && unreadable.includes('request') ? (
          <Unreadable what="request" />
        ) : request === null ? (
          <Text size="sm" c="dimmed">
            This workspace did not store it. What this page sends itself is shown until it is
            closed.
          </Text>
        ) : (
          <Stack gap="xs">
            {partsOf(request).map(([name, value]) => (
              <div key={name}>
                <Text size="sm" c="dimmed">
                  {name}
                </Text>
                <Block text={asText(value)} label={`${name} of the request`} />
              </div>
            ))}
          </Stack>
        )}
      </section>
      {(output !== null || unreadable.includes('output')) && (
        <section aria-label="Answer">
          <Title order={2} size="h5" mb={4}>
            Answer
          </Title>
          {output === null && <Unreadable what="answer" />}
          {output !== null && output.content !== '' && (
            <Block text={output.content} label="Text of the answer" />
          )}
          {output?.toolCalls.map(({ id, name, arguments: given }) => (
            <Block key={id} text={`${name}(${given})`} label={`Call of the tool ${name}`} />
          ))}
        </section>
      )}
      {metadata !== null && (
        <section aria-label="Metadata">
          <Title order={2} size="h5" mb={4}>
            Metadata
          </Title>
          <Block text={JSON.stringify(metadata, null, 2)} label="Metadata as JSON" />
        </section>
      )}
    </Stack>
  );
}

function Unreadable({ what }: { what: 'request' | 'answer' }) {
  return (
    <Alert color="red" title={`The stored ${what} does not open`}>
      It was damaged or moved, or its key is gone. Ask the operator to restore the data and its
      keys; what else is shown here is as it was recorded.
    </Alert>
  );
}

/** Said above already. */
const KNOWN = ['agentId', 'provider', 'model', 'apiKeyId', 'stream', 'metadata'];

/** What else was asked, the conversation first. */
function partsOf(request: ExecutionRequest): [name: string, value: unknown][] {
  const { messages, ...others } = request;
  const parts = Object.entries(others).filter(([name]) => !KNOWN.includes(name));
  return [['messages', messages], ...parts];
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value, null, 2);
}

/** A text of somebody else, shown as text and as nothing else. */
export function Block({ text, label }: { text: string; label: string }) {
  return (
    <Code
      block
      mah={320}
      tabIndex={0}
      role="region"
      aria-label={label}
      style={{ whiteSpace: 'pre-wrap', overflow: 'auto' }}
    >
      {text}
    </Code>
  );
}
