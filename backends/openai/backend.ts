import { limitMs } from "../connect/options.ts";
import { cleanFailure, snippet, type Trace } from "../connect/server_text.ts";
import { roundTripMs } from "../connect/rtt.ts";
import { openTarget } from "../connect/target.ts";
import type { HttpRequest, ResponseReader } from "../http/http.ts";
import { openHttp } from "../http/transport.ts";
import { bytesOf } from "./json.ts";
import { isStreamed, type OpenAiSettings, outputLimit } from "./options.ts";
import {
  openTokenizerOption,
  type SentText,
  TokenCounts,
} from "./token_counts.ts";
import { secretTexts } from "../../lib/redact.ts";
import { type WarnOnce, warnOnce } from "../../lib/warn_once.ts";
import type {
  Backend,
  Call,
  InferenceRequest,
  OpenContext,
  Output,
  Turn,
} from "../../plugins/mod.ts";

/** Endpoint of the OpenAI API: builds requests and reads answers, without a transport or a clock. */
export interface Protocol<Prepared> {
  /** Columns that a turn must have. */
  readonly needs: Backend["needs"];
  /** Facts for the report, beside those of every backend. */
  readonly facts: Readonly<Record<string, unknown>>;
  /**
   * Builds the part of a request that does not depend on earlier answers.
   *
   * @throws {Error} If the turn cannot be sent.
   */
  prepare(turn: Turn, signal: AbortSignal): Promise<Prepared>;
  /** Completes the request when it is due. */
  request(request: InferenceRequest<Prepared>): Wire;
  /** Creates a reader for the answer to a request. */
  reader(call: Call, request: InferenceRequest<Prepared>): AnswerReader;
  /** Returns the text of a request for counting tokens, or `undefined` if it contains more than text. */
  sent?(request: InferenceRequest<Prepared>): SentText | undefined;
}

/** HTTP request without its URL. */
export interface Wire extends Omit<HttpRequest, "url"> {
  /** Readable form of a binary body, for the trace. */
  readonly shown?: string;
}

/** Reads an answer and returns its output. */
export interface AnswerReader extends ResponseReader {
  /**
   * Returns the output when the response has ended.
   *
   * @throws {RequestError} If the answer is not complete.
   */
  result(): Output;
}

/**
 * Opens a backend: reads files, checks the server and finds the model before the run.
 *
 * @throws {UsageError} If an option cannot be used.
 * @throws {RequestError} If the server is not healthy or cannot be reached.
 */
export async function openBackend<
  Settings extends OpenAiSettings & { readonly path: string },
  Prepared,
>(
  settings: Settings,
  context: OpenContext,
  protocolOf: (settings: Settings, model: string) => Protocol<Prepared>,
): Promise<Backend<Prepared>> {
  const tokenizer = await openTokenizerOption(settings);
  const target = await openTarget(settings, context, {
    scheme: "http",
    path: settings.path,
    secrets: secretTexts({ body: settings.body }),
  });
  const { url, model, clean, trace } = target;
  const http = openHttp({
    ...settings,
    headersTimeoutMs: limitMs(settings.headersTimeoutMs),
    receiveTimeoutMs: limitMs(settings.receiveTimeoutMs),
    requestTimeoutMs: limitMs(settings.requestTimeoutMs),
    ...target.ask,
  });
  const protocol = protocolOf(settings, model);
  const warn = warnOnce((text) => context.warn(clean(text)));
  const counts = new TokenCounts({
    server: settings.tokenize
      ? { url: target.http("/tokenize"), model, ask: target.ask }
      : undefined,
    tokenizer,
    warn,
  });

  return {
    needs: protocol.needs,
    facts: { ...protocol.facts, ...target.facts },
    connect: (count, call) => http.openAhead(url, count, call),
    roundTripMs: (call) => roundTripMs(target.hop, call),
    prepare: (turn, signal) => protocol.prepare(turn, signal),
    async send(request, call) {
      call.throwIfAborted();
      const reader = observe(
        protocol.reader(call, request),
        trace,
        isStreamed(settings) ? warn : undefined,
      );
      try {
        const wire = { url, ...protocol.request(request) };
        if (trace) traceRequest(trace, wire);
        const requestId = await http.exchange(wire, call, reader);
        const output = reader.result();
        checkLength(warn, output, outputLimit(settings, request.turn));
        return requestId === undefined
          ? output
          : { responseId: requestId, ...output };
      } catch (error) {
        throw cleanFailure(error, clean);
      }
    },
    outputLimit: (turn) => outputLimit(settings, turn),
    countTokens: (sample, request, signal) =>
      counts.count(sample, () => protocol.sent?.(request), signal),
    async [Symbol.asyncDispose]() {
      counts[Symbol.dispose]();
      await http[Symbol.asyncDispose]();
    },
  };
}

/**
 * Adds to a reader the trace of the answer, and the warnings of whole answers and mislabelled streams: `warn` is set if a
 * stream was requested.
 */
export function observe(
  reader: AnswerReader,
  trace: Trace | undefined,
  warn: WarnOnce | undefined,
): AnswerReader {
  return {
    ...reader,
    ...(trace && {
      event(event, atMs) {
        const { type, data } = event;
        trace.received(type === undefined ? data : `${type}: ${data}`);
        return reader.event(event, atMs);
      },
    }),
    body(text, atMs) {
      trace?.received(text);
      reader.body(text, atMs);
      warn?.(
        "whole answer",
        "The server does not stream: its answers arrive whole, without TTFT and ITL (stream=false requests that)",
      );
    },
    mislabelled: warn && ((contentType) => {
      const label = contentType
        ? `the content type ${snippet(contentType)}`
        : "no content type";
      warn(
        "mislabelled stream",
        `The server sends its event streams with ${label} instead of text/event-stream; they are read as event streams`,
      );
    }),
  };
}

/**
 * Warns of an answer that is shorter than exactly requested: the server does not support the field or has a limit
 * of its own, and the load differs from run to run.
 */
export function checkLength(
  warn: WarnOnce,
  { usage, finishReason = "" }: Output,
  { maxOutputTokens: requested, isExactLength }: ReturnType<typeof outputLimit>,
): void {
  if (requested === undefined || !isExactLength) return;
  const tokens = usage?.outputTokens || undefined;
  const isShort = tokens === undefined
    ? ["stop", "eos"].includes(finishReason)
    : tokens < requested;
  if (!isShort) return;
  const found = tokens === undefined
    ? `finish_reason is ${finishReason}`
    : `the server counted ${tokens}`;
  warn(
    "short answer",
    `exactly ${requested} output tokens were requested, but ${found}; the server may not support ignore_eos or min_tokens`,
  );
}

/**
 * Writes a request to the trace, without the query of its URL, which may contain a key. A binary body is described by
 * its size and its readable form.
 */
export function traceRequest(
  trace: Trace,
  { url, contentType, body, shown }: HttpRequest & Wire,
): void {
  const bytes = typeof body === "string" ? bytesOf(body) : body;
  const mediaType = contentType.split(";")[0];
  trace.note(`POST ${url.pathname}: ${bytes.length} bytes of ${mediaType}`);
  if (shown !== undefined) trace.sent(shown);
  else if (mediaType === "application/json") {
    trace.sent(new TextDecoder().decode(bytes));
  }
}
