import type { Exchange } from "../http/exchange.ts";
import { generate } from "./generation.ts";
import {
  itemOf,
  type OutputItem,
  type ResponseEvent,
} from "./response_items.ts";
import { type ResponseFacts, responseObject } from "./response_json.ts";
import type { Job } from "./stream.ts";

/** Streams a response as the events of its items. */
export function streamResponse(
  exchange: Exchange,
  job: Job,
  { facts, whole, keep }: {
    facts: ResponseFacts;
    /** The response as it will be. */
    whole: Readonly<Record<string, unknown>>;
    /** Is called when it is. */
    keep: () => void;
  },
): void {
  const { options, id } = exchange;
  let sent = 0;
  let items = 0;
  let current: OutputItem | undefined;

  /** The event in its place, its fields in the order of their names. */
  function textOf(event: ResponseEvent): string {
    const fields = Object.entries({ ...event, sequence_number: sent++ })
      .sort(([a], [b]) => a < b ? -1 : 1);
    const json = JSON.stringify(Object.fromEntries(fields));
    return `event: ${event.type}\ndata: ${json}\n\n`;
  }

  function send(event: ResponseEvent, chars = 0): void {
    exchange.send(event.type, textOf(event), chars);
  }

  function close(): void {
    for (const event of current?.closing() ?? []) send(event);
    current = undefined;
  }

  exchange.open((code, message) => {
    const type = "response.failed";
    const response = {
      ...whole,
      status: "failed",
      error: { code, message },
      incomplete_details: null,
      output: [],
      usage: null,
    };
    return [{ type, text: textOf({ type, response }) }];
  });
  const response = responseObject(facts, {
    status: "in_progress",
    output: [],
    usage: null,
  });
  send({ type: "response.created", response });
  send({ type: "response.in_progress", response });
  generate(exchange, job, {
    started() {},
    piece(piece) {
      if (current?.kind !== piece.kind || current.call !== piece.call) {
        close();
        const { dialect } = options;
        current = itemOf(piece, { response: id, index: items++, dialect });
        for (const event of current.opening()) send(event);
      }
      const event = current.delta(piece);
      if (event) send(event, piece.text.length);
    },
    done() {
      close();
      keep();
      exchange.finish(completed);
    },
  });

  function completed(): void {
    const isCut = whole.status === "incomplete" && options.dialect !== "vllm";
    send({
      type: isCut ? "response.incomplete" : "response.completed",
      response: whole,
    });
  }
}
