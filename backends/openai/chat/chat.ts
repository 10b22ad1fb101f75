import { type BackendPlugin, defineBackend } from "../../../plugins/mod.ts";
import { openBackend } from "../backend.ts";
import { answersIn, exactTokens, streams, tokenLimit } from "../body.ts";
import { type ChatOptions, chatOptions, type ChatSettings } from "./options.ts";
import { chatRequests, type PreparedChat } from "./request.ts";
import { choicesReader } from "../choices_reader.ts";
import { piecesOfMessage } from "../pieces.ts";
import type { ProtocolOf } from "../protocol.ts";
import { wholeAnswers } from "../whole_answer.ts";

/**
 * Sends chats to `/v1/chat/completions` and reads the answer as it comes.
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
  summary: "Sends text, speech and pictures to /v1/chat/completions",
  primary: "target",
  options: chatOptions,
  open: (settings, context) => openBackend(settings, context, chatProtocol),
});

/** The endpoint, without its transport. */
const chatProtocol: ProtocolOf<ChatSettings, PreparedChat> = (
  settings,
  model,
  context,
) => {
  const { streamUsage, history } = settings;
  const stream = streams(settings);
  const answers = answersIn(settings);
  const warn = wholeAnswers(context);
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
        piecesOf: ({ delta, message }) => piecesOfMessage(delta ?? message),
        whole: () => stream && warn(),
      }),
  };
};
