import {
  type InferenceRequest,
  RequestError,
  type Turn,
} from "../../../plugins/mod.ts";
import { type Fields, fieldsOf } from "../body.ts";
import { joinBytes, type Part } from "../bytes.ts";
import { answerTo, checkHistory, resultsOf } from "../conversation.ts";
import {
  messagesOf,
  systemMessage,
  type WireMessage,
} from "../chat_message.ts";
import type { ChatSettings } from "./options.ts";
import { isWords, sentIn } from "../chat_sent.ts";
import { jsonItems, withCommas } from "../json_parts.ts";
import { openMedia } from "../media.ts";
import type { Protocol } from "../protocol.ts";

/** A turn on its way to the wire: written, so that what is left when it is due is to put its parts in a row. */
export interface PreparedChat {
  /** The body of a request that has no history. */
  readonly body: Uint8Array;
  /** In it: all before the first message. */
  readonly head: string;
  /** In it: the system message. Empty where there is none. */
  readonly system: string;
  /** In it: what the turn itself says, messages with commas between them. Empty for nothing but a tool's result. */
  readonly own: readonly Part[];
}

type ChatRequest = InferenceRequest<PreparedChat>;

/** Builds requests. Text and media are encoded beforehand, once for all turns that send them again. */
export function chatRequests(
  settings: ChatSettings,
  model: string,
): Pick<Protocol<PreparedChat>, "prepare" | "request" | "sent"> {
  const { maxTokensField, history } = settings;
  const wire = { ...settings, media: openMedia() };

  function bodyOf({ turn, prepared, session }: ChatRequest): Uint8Array {
    const before = history === "none" ? [] : session.history;
    if (before.length === 0 && prepared.own.length > 0) return prepared.body;
    const asked = [...before, { turn, prepared }];
    const messages = asked.flatMap(({ turn, prepared: { own } }, index) => {
      const results = resultsOf(turn, before[index - 1]?.output, index - 1);
      if (own.length === 0) requireResults(results);
      const answered = before[index];
      const next = asked[index + 1]?.turn;
      return [
        ...results.map((result) => [JSON.stringify(result)]),
        own,
        ...(answered && next
          ? [[JSON.stringify(answerTo(answered, { index, next }, settings))]]
          : []),
      ];
    });
    return bodyWith(prepared.head, [[systemIn(asked)], ...messages]);
  }

  return {
    async prepare(turn, signal) {
      checkHistory(turn, settings);
      const { tools } = turn.columns;
      const own = { ...(tools && { tools }) };
      const fields = fieldsOf(settings, { model, maxTokensField, turn, own });
      const messages = await messagesOf(turn.columns, wire);
      signal.throwIfAborted();
      return preparedOf(fields, turn, messages);
    },
    request: (request) => ({
      contentType: "application/json",
      body: bodyOf(request),
    }),
    sent(request) {
      const { turn, session } = request;
      const before = history === "none" ? [] : session.history;
      const turns = [...before.map(({ turn }) => turn), turn];
      return turns.every(({ columns }) => isWords(columns))
        ? sentIn(bodyOf(request))
        : undefined;
    },
  };
}

/** The body as it is sent without a history, and where in it its parts stand. */
function preparedOf(
  fields: Fields,
  { columns: { system } }: Turn,
  messages: readonly WireMessage[],
): PreparedChat {
  const head = JSON.stringify({ ...fields, messages: [] }).slice(0, -2);
  const first = system === undefined
    ? ""
    : JSON.stringify(systemMessage(system));
  const own = jsonItems(messages);
  return { body: bodyWith(head, [[first], own]), head, system: first, own };
}

/** The latest word: the turn's own, or that of the last turn before it that had one. */
function systemIn(
  asked: readonly { readonly prepared: PreparedChat }[],
): string {
  const all = asked.map(({ prepared }) => prepared.system);
  return all.findLast((system) => system !== "") ?? "";
}

function requireResults(results: readonly WireMessage[]): void {
  if (results.length > 0) return;
  throw new RequestError(
    "history_error",
    "Cannot send toolResult as the answer before it must have called something: it called nothing",
  );
}

function bodyWith(
  head: string,
  messages: readonly (readonly Part[])[],
): Uint8Array {
  const said = messages.filter(([first = ""]) => first.length > 0);
  return joinBytes([head, ...withCommas(said), "]}"]);
}
