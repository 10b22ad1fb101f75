import type { Endpoint } from "./endpoints.ts";
import { chat } from "./chat.ts";

/** What is answered over HTTP, by path. */
export const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  "/v1/chat/completions": chat,
};
