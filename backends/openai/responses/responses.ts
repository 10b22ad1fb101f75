import { type BackendPlugin, defineBackend } from "../../../plugins/mod.ts";
import { openBackend } from "../backend.ts";
import type { PreparedTurn } from "../conversation.ts";
import { exactTokens, isStreamed } from "../options.ts";
import type { Protocol } from "../protocol.ts";
import {
  type ResponsesOptions,
  responsesOptions,
  type ResponsesSettings,
} from "./options.ts";
import { responseReader } from "./reader.ts";
import { responsesRequests } from "./request.ts";

/** Sends turns to `/v1/responses` and reads the answers, streamed or whole. */
export const responses: BackendPlugin<ResponsesOptions> = defineBackend({
  name: "responses",
  summary: "Sends text, speech and images to /v1/responses",
  primary: "target",
  options: responsesOptions,
  open: (settings, context) =>
    openBackend(settings, context, responsesProtocol),
});

function responsesProtocol(
  settings: ResponsesSettings,
  model: string,
): Protocol<PreparedTurn> {
  const stream = isStreamed(settings);
  return {
    needs: [["text", "messages", "audio", "images", "toolResult"]],
    facts: { stream, history: settings.history },
    streams: stream,
    ...responsesRequests(settings, model),
    exactTokens: (turn) => exactTokens(settings, turn),
    reader: (call) => responseReader(call),
  };
}
