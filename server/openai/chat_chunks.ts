import type { Piece } from "./answer.ts";
import {
  audioId,
  callId,
  reasoningField,
  soundOf,
  thinksInParts,
} from "./chat_json.ts";
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
      const deltas = deltasOf(piece, id, options);
      const isApart = reason !== undefined && style.finish !== undefined;
      if (isApart) deltas.push(style.finish!);
      return deltas.map((delta, i) => {
        const isLast = reason !== undefined && i === deltas.length - 1;
        const end = isLast ? finished(counts) : usage(counts);
        return `${choiceOf(choice, delta, isLast ? reason : undefined)}${end}}`;
      });
    },
    usage: (counts) =>
      `${start}],"usage":${JSON.stringify(lastUsage(counts, options))}${
        dialect === "vllm" ? `,"system_fingerprint":"${FINGERPRINTS.vllm}"` : ""
      }}`,
  };
}

/** The deltas of a piece: one, but for speech, which comes as what is said and as its sound. */
function deltasOf(
  { kind, text, tokens, call, name }: Piece,
  id: string,
  options: RequestOptions,
): string[] {
  const { dialect } = options;
  const json = JSON.stringify(text);
  switch (kind) {
    case "text":
      return [contentDelta(json, dialect)];
    case "reasoning":
      return [reasoningDelta(json, options)];
    case "refusal":
      return [`{"refusal":${json}}`];
    case "audio": {
      const audio = JSON.stringify(audioId(id));
      return [
        `{"audio":{"id":${audio},"transcript":${json}}}`,
        `{"audio":{"id":${audio},"data":"${soundOf(tokens)}"}}`,
      ];
    }
    case "tool":
      if (name === undefined) {
        return [
          `{"tool_calls":[{"index":${call},"function":{"arguments":${json}}}]}`,
        ];
      }
      return [
        `{"tool_calls":[{"id":${
          JSON.stringify(callId(id, call!, dialect))
        },"type":"function","index":${call},"function":{"name":${
          JSON.stringify(name)
        }${dialect === "vllm" ? "" : ',"arguments":""'}}}]}`,
      ];
  }
}

/** Mistral's reasoning is a part of the content; DeepSeek's comes beside content that is null. */
function reasoningDelta(json: string, options: RequestOptions): string {
  if (thinksInParts(options)) {
    return `{"content":[{"type":"thinking","thinking":[{"type":"text","text":${json}}]}]}`;
  }
  const field = reasoningField(options);
  return options.dialect === "deepseek"
    ? `{"content":null,"${field}":${json}}`
    : `{"${field}":${json}}`;
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
