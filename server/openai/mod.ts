import type { Endpoint } from "../http/endpoints.ts";
import { chat } from "./chat.ts";
import { completions } from "./completions.ts";
import { embeddings } from "./embeddings.ts";
import { createResponses } from "./responses.ts";
import { speechEndpoints } from "./transcriptions.ts";
import { detokenize, tokenize } from "./tokenize.ts";

/** What one server answers over HTTP, by path. */
export function openAiEndpoints(): Readonly<Record<string, Endpoint>> {
  const speech = speechEndpoints();
  return {
    "/v1/chat/completions": chat,
    "/v1/completions": completions,
    "/v1/responses": createResponses(),
    "/v1/embeddings": embeddings,
    "/v1/audio/transcriptions": speech.transcriptions,
    "/v1/audio/translations": speech.translations,
    "/tokenize": tokenize,
    "/detokenize": detokenize,
  };
}
