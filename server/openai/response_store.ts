import type { Answer } from "./answer.ts";
import type { Body } from "./body.ts";
import { textOf } from "./chat_json.ts";
import { Refusal } from "../http/refusal.ts";
import type { Dialect } from "./options.ts";
import { type ChatMessage, contentTexts } from "./prompt.ts";

/** What is remembered of an answered request. */
interface Kept {
  readonly messages: readonly ChatMessage[];
  readonly answer: Answer;
}

/** Remembers the newest responses. */
export interface ResponseStore {
  /** Remembers one. */
  add(id: string, kept: Kept): void;
  /**
   * The chat up to a response and with it; none where no response is named.
   *
   * @throws {Refusal} It is not known.
   */
  messagesBefore(id: unknown, dialect: Dialect): readonly ChatMessage[];
}

/** A store of that many responses. */
export function createResponseStore(limit = 10_000): ResponseStore {
  const kept = new Map<string, readonly ChatMessage[]>();
  return {
    add(id, { messages, answer }) {
      kept.set(id, [...messages, messageOf(answer)]);
      if (kept.size <= limit) return;
      const [oldest] = kept.keys();
      kept.delete(oldest!);
    },
    messagesBefore(id, dialect) {
      if (id === undefined || id === null) return [];
      const messages = kept.get(String(id));
      if (messages) return messages;
      throw dialect === "openai"
        ? new Refusal(`Previous response with id '${id}' not found.`, {
          param: "previous_response_id",
          code: "previous_response_not_found",
        })
        : new Refusal(`Response with id '${id}' not found.`, {
          status: 404,
          type: "invalid_request_error",
          param: "response_id",
        });
    },
  };
}

/** The messages that a request's input stands for. */
export function inputMessages({ input }: Body): ChatMessage[] {
  if (typeof input === "string") return [{ role: "user", content: input }];
  if (!Array.isArray(input)) return [];
  return input.map((item) =>
    item?.type === "function_call_output"
      ? { role: "tool", content: String(item.output ?? "") }
      : item?.type === "function_call"
      ? { role: "assistant", content: String(item.arguments ?? "") }
      : { role: item?.role ?? "user", content: item?.content ?? "" }
  );
}

function messageOf({ pieces }: Answer): ChatMessage {
  const text = textOf(pieces, "text") ?? textOf(pieces, "tool");
  return { role: "assistant", content: contentTexts(text).join("") };
}
