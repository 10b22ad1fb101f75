import type { Endpoint } from "../http/endpoints.ts";
import type { Exchange } from "../http/exchange.ts";
import { Refusal } from "../http/refusal.ts";
import type { Options } from "../settings.ts";
import { type Answer, callsOf, makeAnswer, textOf } from "./answer.ts";
import { type Body, readBody, tokenLimit } from "./body.ts";
import { countsOf, generate, type Job } from "./generation.ts";
import {
  type ChatMessage,
  countPrompt,
  lastUserText,
  listOf,
} from "./tokens.ts";
import {
  createItem,
  type OutputItem,
  outputOf,
  type ResponseEvent,
  responseObject,
  responseUsage,
} from "./response_items.ts";
import { headOf } from "./usage.ts";

/** Creates `/v1/responses`, which remembers the answers that it gave. */
export function createResponses(): Endpoint {
  const store = createResponseStore();
  return {
    prefix: "resp_",
    async handle(incoming, exchange) {
      const { options, id, host } = exchange;
      const body = readBody(incoming, host, {
        required: ["input"],
        given: 1,
      });
      const messages = [
        ...store.messagesBefore(body.previous_response_id, options),
        ...inputMessages(body),
      ];
      const { instructions } = body;
      const prompt = typeof instructions === "string"
        ? [{ role: "system", content: instructions }, ...messages]
        : messages;
      const tools = listOf(body.tools);
      const promptTokens = await countPrompt(prompt, tools, options);
      const fields = ["max_output_tokens"];
      const limit = tokenLimit(body, fields, promptTokens, options);
      const said = lastUserText(messages);
      const calls = callsOf(body, messages, options.toolCalls);
      const random = exchange.random("answer 0");
      const answer = makeAnswer({ options, random, limit, said, calls });
      const job = { answers: [answer], promptTokens };
      const head = headOf(exchange, body.model);
      const maxTokens = limit.most;
      const whole = responseObject(head, body, {
        maxTokens,
        status: answer.finishReason === "length" ? "incomplete" : "completed",
        output: outputOf(answer.pieces, id, options.dialect === "vllm"),
        usage: responseUsage(countsOf(job), options),
      });
      const keep = () => {
        if (body.store !== false) store.add(id, messages, answer);
      };
      if (body.stream === true && !exchange.refusesStreams) {
        const status = "in_progress";
        const started = responseObject(head, body, { maxTokens, status });
        return streamResponse(exchange, job, { started, whole, keep });
      }
      generate(exchange, job, {
        done() {
          keep();
          exchange.answer(JSON.stringify(whole), { type: "response" });
        },
      });
    },
  };
}

/** Streams a response as the events of its items. */
function streamResponse(
  exchange: Exchange,
  job: Job,
  { started, whole, keep }: {
    started: object;
    /** The complete response. */
    whole: Readonly<Record<string, unknown>>;
    /** Called when the response is complete. */
    keep: () => void;
  },
): void {
  const isVllm = exchange.options.dialect === "vllm";
  let sent = 0;
  let items = 0;
  let current: OutputItem | undefined;

  /** Numbers an event. Its fields are in the order of their names. */
  function textOfEvent(event: ResponseEvent): string {
    const fields = Object.entries({ ...event, sequence_number: sent++ })
      .sort(([a], [b]) => a < b ? -1 : 1);
    const json = JSON.stringify(Object.fromEntries(fields));
    return `event: ${event.type}\ndata: ${json}\n\n`;
  }

  function send(event: ResponseEvent, chars = 0): void {
    exchange.send(event.type, textOfEvent(event), chars);
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
    return [{ type, text: textOfEvent({ type, response }) }];
  });
  send({ type: "response.created", response: started });
  send({ type: "response.in_progress", response: started });
  generate(exchange, job, {
    piece(piece) {
      if (!current?.takes(piece)) {
        close();
        const place = { response: exchange.id, index: items++, isVllm };
        current = createItem(piece, place);
        for (const event of current.opening()) send(event);
      }
      const event = current.delta(piece);
      if (event) send(event, piece.text.length);
    },
    done() {
      close();
      keep();
      const isCut = whole.status === "incomplete" && !isVllm;
      const type = isCut ? "response.incomplete" : "response.completed";
      exchange.finish(() => send({ type, response: whole }));
    },
  });
}

/** Creates a store of the chats of the newest `limit` responses. */
export function createResponseStore(limit = 10_000) {
  const kept = new Map<string, readonly ChatMessage[]>();
  return {
    add(
      id: string,
      messages: readonly ChatMessage[],
      { pieces }: Answer,
    ): void {
      const content = textOf(pieces, "text") ?? textOf(pieces, "tool") ?? "";
      kept.set(id, [...messages, { role: "assistant", content }]);
      if (kept.size > limit) kept.delete(kept.keys().next().value!);
    },
    /**
     * The chat up to a response and with it; empty if the id is not set.
     *
     * @throws {Refusal} If the response is unknown.
     */
    messagesBefore(
      id: unknown,
      { dialect }: Pick<Options, "dialect">,
    ): readonly ChatMessage[] {
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

/** The messages of a request's input. */
export function inputMessages({ input }: Body): ChatMessage[] {
  if (typeof input === "string") return [{ role: "user", content: input }];
  if (!Array.isArray(input)) return [];
  return input.map((item) => {
    switch (item?.type) {
      case "function_call_output":
        return { role: "tool", content: String(item.output ?? "") };
      case "function_call":
        return { role: "assistant", content: String(item.arguments ?? "") };
      default:
        return { role: item?.role ?? "user", content: item?.content ?? "" };
    }
  });
}
