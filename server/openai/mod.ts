import type { Endpoint } from "./endpoints.ts";
import { chat } from "./chat.ts";
import { completions } from "./completions.ts";
import { embeddings } from "./embeddings.ts";
import { createResponses } from "./responses.ts";
import { detokenize, tokenize } from "./tokenize.ts";

/** What one server answers over HTTP, by path. */
export function openAiEndpoints(): Readonly<Record<string, Endpoint>> {
  return {
    "/v1/chat/completions": chat,
    "/v1/completions": completions,
    "/v1/responses": createResponses(),
    "/v1/embeddings": embeddings,
    "/tokenize": tokenize,
    "/detokenize": detokenize,
  };
}
