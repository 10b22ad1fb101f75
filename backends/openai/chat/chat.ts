import { type BackendPlugin, defineBackend } from "../../../plugins/mod.ts";
import { openBackend } from "../backend.ts";
import { choicesReader } from "../choices_reader.ts";
import type { PreparedTurn } from "../conversation.ts";
import {
  answerCount,
  exactTokens,
  isStreamed,
  tokenLimit,
} from "../options.ts";
import { partsOfMessage } from "../output_parts.ts";
import type { Protocol } from "../protocol.ts";
import { type ChatOptions, chatOptions, type ChatSettings } from "./options.ts";
import { chatRequests } from "./request.ts";

/**
 * Sends chats to `/v1/chat/completions` and reads the answers, streamed or whole.
 *
 * @example Usage
 * ```ts
 * import { chat } from "@earshot/earshot";
 *
 * const backend = chat({ target: "http://127.0.0.1:8000", maxOutputTokens: 128 });
 * // backend.name is "chat"
 * ```
 */
export const chat: BackendPlugin<ChatOptions> = defineBackend({
  name: "chat",
  summary: "Sends text, speech and images to /v1/chat/completions",
  primary: "target",
  options: chatOptions,
  open: (settings, context) => openBackend(settings, context, chatProtocol),
});

function chatProtocol(
  settings: ChatSettings,
  model: string,
): Protocol<PreparedTurn> {
  const { streamUsage, history } = settings;
  const stream = isStreamed(settings);
  const answers = answerCount(settings);
  return {
    needs: [["text", "messages", "audio", "images", "toolResult"]],
    facts: { stream, ...(stream && { streamUsage }), history },
    streams: stream,
    ...chatRequests(settings, model),
    exactTokens: (turn) => exactTokens(settings, turn),
    reader: (call, { turn }) =>
      choicesReader({
        call,
        answers,
        tokenLimit: tokenLimit(settings, turn),
        required: "message",
        partsOf: ({ delta, message }) => partsOfMessage(delta ?? message),
      }),
  };
}
