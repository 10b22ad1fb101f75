import type { Piece } from "./answer.ts";
import { callId, reasoningField } from "./chat_json.ts";
import { FINGERPRINTS, type Head } from "./head.ts";
import type { Dialect, RequestOptions } from "./options.ts";
import type { Chunks } from "./stream.ts";
import {
  type Counts,
  lastUsage,
  runningUsage,
  usageOf,
  type UsagePlaces,
} from "./usage.ts";

/** What differs between the chunks of servers, each part as JSON. */
interface Style {
  /** Behind the model. */
  readonly head: string;
  /** The delta that only names the role. */
  readonly role: string;
  /** The delta of a reason that comes by itself; with the last piece where there is none. */
  readonly finish?: string;
  /** Behind the delta. */
  readonly choice: string;
  /** Behind the reason, by the reason. */
  reason(reason: string | undefined): string;
  /** Behind the reason of the first chunk. */
  readonly first: string;
  /** Behind the choices of the first chunk. */
  readonly opening: string;
  /** Behind the choices, where there is no usage though it was asked for. */
  readonly noUsage: string;
}

const LOGPROBS = ',"logprobs":null';

const STYLES: Readonly<Record<Dialect, Style>> = {
  vllm: {
    head: "",
    role: '{"role":"assistant","content":""}',
    choice: LOGPROBS,
    reason: (reason) =>
      (reason === undefined ? "" : ',"stop_reason":null') +
      ',"token_ids":null',
    first: "",
    opening: ',"prompt_token_ids":null,"prompt_text":null',
    noUsage: "",
  },
  openai: {
    head:
      `,"service_tier":"default","system_fingerprint":"${FINGERPRINTS.openai}"`,
    role: '{"role":"assistant","content":"","refusal":null}',
    finish: "{}",
    choice: LOGPROBS,
    reason: () => "",
    first: "",
    opening: "",
    noUsage: ',"usage":null',
  },
  sglang: {
    head: "",
    role:
      '{"role":"assistant","content":"","reasoning_content":null,"tool_calls":null}',
    finish:
      '{"role":null,"content":null,"reasoning_content":null,"tool_calls":null}',
    choice: LOGPROBS,
    reason: (reason) => `,"matched_stop":${reason === "stop" ? 2 : null}`,
    first: ',"matched_stop":null',
    opening: "",
    noUsage: ',"usage":null',
  },
  mistral: {
    head: "",
    role: '{"role":"assistant","content":""}',
    finish: '{"content":""}',
    choice: "",
    reason: () => "",
    first: "",
    opening: "",
    noUsage: "",
  },
  deepseek: {
    head: `,"system_fingerprint":"${FINGERPRINTS.deepseek}"`,
    role: '{"role":"assistant","content":null,"reasoning_content":""}',
    finish: '{"content":"","reasoning_content":null}',
    choice: LOGPROBS,
    reason: () => "",
    first: "",
    opening: "",
    noUsage: "",
  },
};

/** The chunks of a streamed chat in the dialect's form. */
export function chatChunks(
  { id, created, model }: Head,
  places: UsagePlaces,
  options: RequestOptions,
): Chunks {
  const { dialect } = options;
  const style = STYLES[dialect];
  const start = `{"id":${
    JSON.stringify(id)
  },"object":"chat.completion.chunk","created":${created},"model":${
    JSON.stringify(model)
  }${style.head},"choices":[`;
  const noUsage = places.last ? style.noUsage : "";
  const usage = (counts: Counts) =>
    places.each
      ? `,"usage":${JSON.stringify(runningUsage(counts, options))}`
      : noUsage;
  const ending = places.last || dialect !== "vllm"
    ? ""
    : `,"system_fingerprint":"${FINGERPRINTS.vllm}"`;

  function choiceOf(
    choice: number,
    delta: string,
    reason: string | undefined,
  ): string {
    const why = reason === undefined ? "null" : `"${reason}"`;
    return `${start}{"index":${choice},"delta":${delta}${style.choice},"finish_reason":${why}${
      style.reason(reason)
    }}]`;
  }

  function finished(counts: Counts): string {
    return (places.finish
      ? `,"usage":${JSON.stringify(usageOf(counts, options))}`
      : usage(counts)) + ending;
  }

  return {
    type: "chat.completion.chunk",
    opening: (choice, counts) =>
      `${start}{"index":${choice},"delta":${style.role}${style.choice},"finish_reason":null${style.first}}]${
        usage(counts)
      }${style.opening}}`,
    piece(piece, { choice, counts, reason }) {
      const delta = deltaJson(piece, id, options);
      if (reason === undefined) {
        return [`${choiceOf(choice, delta, reason)}${usage(counts)}}`];
      }
      if (style.finish === undefined) {
        return [`${choiceOf(choice, delta, reason)}${finished(counts)}}`];
      }
      return [
        `${choiceOf(choice, delta, undefined)}${usage(counts)}}`,
        `${choiceOf(choice, style.finish, reason)}${finished(counts)}}`,
      ];
    },
    usage: (counts) =>
      `${start}],"usage":${JSON.stringify(lastUsage(counts, options))}${
        dialect === "vllm" ? `,"system_fingerprint":"${FINGERPRINTS.vllm}"` : ""
      }}`,
  };
}

/** The delta of a piece. */
function deltaJson(
  { kind, text, call, name }: Piece,
  id: string,
  options: RequestOptions,
): string {
  const json = JSON.stringify(text);
  switch (kind) {
    case "text":
      return contentDelta(json, options.dialect);
    case "reasoning":
      return options.dialect === "deepseek"
        ? `{"content":null,"${reasoningField(options)}":${json}}`
        : `{"${reasoningField(options)}":${json}}`;
    case "refusal":
      return `{"refusal":${json}}`;
    case "tool":
      return name === undefined
        ? `{"tool_calls":[{"index":${call},"function":{"arguments":${json}}}]}`
        : `{"tool_calls":[{"id":${
          JSON.stringify(callId(id, call!, options.dialect))
        },"type":"function","index":${call},"function":{"name":${
          JSON.stringify(name)
        }${options.dialect === "vllm" ? "" : ',"arguments":""'}}}]}`;
  }
}

function contentDelta(json: string, dialect: Dialect): string {
  switch (dialect) {
    case "sglang":
      return `{"role":null,"content":${json},"reasoning_content":null,"tool_calls":null}`;
    case "deepseek":
      return `{"content":${json},"reasoning_content":null}`;
    default:
      return `{"content":${json}}`;
  }
}
