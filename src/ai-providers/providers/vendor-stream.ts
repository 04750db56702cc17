import type {
  CallOptions,
  ExecuteParams,
  ExecuteResult,
  ExecutionOutput,
  Usage,
} from '../ai-provider.interface';
import type { ProviderError } from '../provider-error';
import type { TransportCall } from '../transport';
import { estimatedUsage, type VendorAnswer } from './answer';
import { StreamedOutput } from './streamed-output';
import type { VendorCall } from './vendor-call';

/** What both SDKs' `withResponse()` gives for a request in streaming mode. */
export interface OpenedStream {
  readonly data: AsyncIterable<unknown>;
  readonly response: Response;
  readonly request_id?: string | null;
}

/** What is known of an answer that may still be under way. */
export type AnswerSoFar = Pick<VendorAnswer, 'model' | 'hasListPrice'> & { readonly usage: Usage };

/** Reads one answer from the events of one vendor and adds its pieces to the output it was made with. */
export interface StreamReader {
  /** The vendor has begun to answer, so it is paid in part at least. */
  readonly hasBegun: boolean;
  /**
   * Takes the next event.
   * @returns whether it was the last one, so that the rest need not be awaited.
   * @throws {ProviderError} `invalid_response` for an event of another shape than the vendor's.
   */
  take(event: unknown): boolean;
  /**
   * The complete answer, its pieces all reported.
   * @throws {ProviderError} `response_truncated` without the vendor's terminal marker; `invalid_response`.
   */
  finish(): VendorAnswer;
  /** Never throws: what is not known, or is nonsense, is estimated. */
  soFar(): AnswerSoFar;
}

/** The options of a call that is to be streamed. */
export type StreamOptions = CallOptions & Required<Pick<CallOptions, 'onDelta'>>;

/** One answer of a vendor, piece by piece. */
export interface StreamedCall {
  readonly params: ExecuteParams;
  readonly options: StreamOptions;
  /** Sends the request in streaming mode. */
  open(call: TransportCall): Promise<OpenedStream>;
  createReader(output: StreamedOutput): StreamReader;
  /** Reads an answer that came whole, as from a gateway that does not stream. */
  readWhole(answer: unknown): VendorAnswer;
}

/**
 * Makes a streamed call. Ends as the transport says, because both SDKs take an aborted, a stalled and a
 * truncated stream for a complete one; a success is what the reader proved.
 *
 * @throws {ProviderError} with what is known of usage, cost and output once the vendor has begun to answer.
 */
export async function streamAnswer(
  vendorCall: VendorCall,
  streamed: StreamedCall,
): Promise<ExecuteResult> {
  const { params, options } = streamed;
  const output = new StreamedOutput(options.onDelta, vendorCall.secret);
  const reader = streamed.createReader(output);
  try {
    return await vendorCall.run(options, async (call) => {
      const { data, response, request_id: requestId } = await streamed.open(call);
      const answer =
        response.body === null
          ? reportWhole(streamed.readWhole(await response.json()), output)
          : await readAll(data, reader);
      return vendorCall.result(params, { _request_id: requestId }, answer);
    });
  } catch (error) {
    output.stop();
    // `run` throws nothing else.
    throw brokenOff(error as ProviderError, { vendorCall, params, reader, output });
  }
}

/** The usage of an answer under way: the vendor's if `read` finds one, else an estimate. */
export function usageSoFar(
  params: ExecuteParams,
  output: ExecutionOutput,
  read: () => Usage | null,
): Usage {
  try {
    const usage = read();
    if (usage !== null) return usage;
  } catch {
    // Counts that cannot be: the call has failed for another reason or for this one.
  }
  return estimatedUsage(params, output);
}

async function readAll(data: AsyncIterable<unknown>, reader: StreamReader): Promise<VendorAnswer> {
  for await (const event of data) if (reader.take(event)) break;
  return reader.finish();
}

function reportWhole(answer: VendorAnswer, output: StreamedOutput): VendorAnswer {
  output.addText(answer.output.content);
  for (const call of answer.output.toolCalls) output.addToToolCall(output.openToolCall(), call);
  return { ...answer, output: output.finish() };
}

interface BrokenAnswer {
  readonly vendorCall: VendorCall;
  readonly params: ExecuteParams;
  readonly reader: StreamReader;
  readonly output: StreamedOutput;
}

/**
 * The failure with the part of the answer that arrived. Whatever an error event in the stream says of the
 * money, this much was generated; and a repetition pays for it again.
 */
function brokenOff(error: ProviderError, broken: BrokenAnswer): ProviderError {
  const { vendorCall, params, reader, output } = broken;
  if (!reader.hasBegun && error.billed !== 'partial') return error;
  return error.with({
    billed: error.billed === 'yes' ? 'yes' : 'partial',
    retry: error.retry === 'never' ? 'never' : 'ambiguous',
    output: output.soFar(),
    ...vendorCall.metered(params.model, reader.soFar()),
  });
}
