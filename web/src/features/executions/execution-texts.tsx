import { Code, Stack, Text, Title } from '@mantine/core';
import type { ExecutionResponse } from '../../client';
import type { ExecutionRequest } from '../../elements/curl';

/** What was asked and answered, as far as it is kept. */
export function ExecutionTexts({
  execution: { output, metadata },
  request,
}: {
  execution: ExecutionResponse;
  request: ExecutionRequest | undefined;
}) {
  return (
    <Stack gap="md">
      <section aria-label="Request">
        <Title order={2} size="h5" mb={4}>
          Request
        </Title>
        {request === undefined ? (
          <Text size="sm" c="dimmed">
            Requests are not stored. What this page sends itself is shown until it is closed.
          </Text>
        ) : (
          <Block text={JSON.stringify(request.messages, null, 2)} label="Messages" />
        )}
      </section>
      {output !== null && (
        <section aria-label="Answer">
          <Title order={2} size="h5" mb={4}>
            Answer
          </Title>
          {output.content !== '' && <Block text={output.content} label="Text of the answer" />}
          {output.toolCalls.map(({ id, name, arguments: given }) => (
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
