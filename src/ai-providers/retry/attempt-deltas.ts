import { Logger } from '@nestjs/common';
import type { ExecutionDelta, ExecutionOutput } from '../ai-provider.interface';
import type { ProviderCall } from './provider-call';

/** Hands the pieces of one attempt on, while it lasts. */
export class AttemptDeltas {
  hasHandedOn = false;
  readonly #logger = new Logger(AttemptDeltas.name);
  #isOpen = true;

  constructor(private readonly listener: Pick<ProviderCall, 'onDelta'>) {}

  readonly handOn = (delta: ExecutionDelta): void => {
    if (!this.#isOpen) return;
    this.hasHandedOn = true;
    try {
      this.listener.onDelta?.(delta);
    } catch (error) {
      this.#isOpen = false;
      const name = error instanceof Error ? error.name : typeof error;
      this.#logger.error({ message: 'the listener of a streamed answer broke', name });
    }
  };

  /** For a provider that reported nothing, because it cannot stream. */
  handOnWhole({ content, toolCalls }: ExecutionOutput): void {
    if (this.hasHandedOn) return;
    if (content !== '') this.handOn({ type: 'text', text: content });
    toolCalls.forEach((call, index) => {
      this.handOn({ type: 'tool_call', index, ...call });
    });
  }

  /** A provider that goes on after its attempt has ended is not heard. */
  close(): void {
    this.#isOpen = false;
  }
}
