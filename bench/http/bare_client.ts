import { createParser } from "eventsource-parser";
import { Agent } from "undici";
import type { Clock } from "../../core/clock.ts";
import { type HttpJob, PROMPT, type Scenario } from "./scenario.ts";

/** Counters of a running client. */
export interface Counts {
  requests: number;
  events: number;
  /** Called for each paced event with received − sent. */
  delay(ms: number): void;
}

/** Sends chats with the least code on undici's dispatch: it sends the same body, parses the answer and stamps each read. */
export function startBare(
  { target, scenario: name }: HttpJob,
  { concurrency, stream }: Scenario,
  { clock, counts }: { clock: Clock; counts: Counts },
): () => Promise<void> {
  const agent = new Agent({ connections: null, pipelining: 1 });
  const path = `/${name}/v1/chat/completions`;
  const body = JSON.stringify({
    model: "bench",
    messages: [{ role: "user", content: PROMPT }],
    ...(stream && { stream, stream_options: { include_usage: true } }),
  });
  const headers = { "content-type": "application/json" };
  let isOver = false;

  function send(): void {
    const decoder = new TextDecoder();
    let text = "", atMs = 0;
    const parser = createParser({
      onEvent({ data }) {
        if (data === "[DONE]") return;
        counts.events++;
        const content = JSON.parse(data).choices[0].delta.content;
        if (name === "paced") counts.delay(clock.epochMs + atMs - content);
      },
    });
    agent.dispatch({ origin: target, path, method: "POST", headers, body }, {
      onRequestStart() {},
      onResponseStart() {},
      onResponseData(_controller, chunk) {
        atMs = clock.now();
        const piece = decoder.decode(chunk, { stream: true });
        if (stream) parser.feed(piece);
        else text += piece;
      },
      onResponseEnd() {
        if (!stream) JSON.parse(text);
        counts.requests++;
        if (!isOver) send();
      },
      onResponseError(_controller, error) {
        if (!isOver) throw error;
      },
    });
  }

  for (let i = 0; i < concurrency; i++) send();
  return () => {
    isOver = true;
    return agent.destroy();
  };
}
