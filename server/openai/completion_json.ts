import { FINGERPRINTS, type Head } from "./head.ts";
import type { RequestOptions } from "./options.ts";
import { type Chunks, countsOf, type Job } from "./stream.ts";
import {
  type Counts,
  lastUsage,
  plainUsage,
  usageOf,
  type UsagePlaces,
} from "./usage.ts";

/** The chunks of a streamed completion. */
export function completionChunks(
  { id, created, model }: Head,
  { places, options, ahead }: {
    places: UsagePlaces;
    options: RequestOptions;
    /** What stands before a choice's own text. */
    ahead: (choice: number) => string;
  },
): Chunks {
  const { dialect } = options;
  const isVllm = dialect === "vllm";
  const start = `{"id":${
    JSON.stringify(id)
  },"object":"text_completion","created":${created},"model":${
    JSON.stringify(model)
  },"choices":[`;
  const tail = isVllm
    ? ',"stop_reason":null,"prompt_token_ids":null,"token_ids":null'
    : dialect === "sglang"
    ? ',"matched_stop":null'
    : "";
  const begun = new Set<number>();
  const noUsage = places.last && !isVllm ? ',"usage":null' : "";
  const usage = (counts: Counts) =>
    places.each ? `,"usage":${JSON.stringify(plainUsage(counts))}` : noUsage;

  /** A choice's first text has the prompt before it, if that is to be repeated. */
  function textOf(choice: number, text: string): string {
    if (begun.has(choice)) return text;
    begun.add(choice);
    return ahead(choice) + text;
  }

  return {
    type: "text_completion",
    piece({ text }, { choice, counts, reason }) {
      const why = reason === undefined ? "null" : `"${reason}"`;
      const used = reason !== undefined && places.finish
        ? `,"usage":${JSON.stringify(usageOf(counts, options))}`
        : usage(counts);
      const print = isVllm && reason !== undefined && !places.last
        ? `,"system_fingerprint":"${FINGERPRINTS.vllm}"`
        : "";
      return [
        `${start}{"index":${choice},"text":${
          JSON.stringify(textOf(choice, text))
        },"logprobs":null,"finish_reason":${why}${tail}}]${used}${print}}`,
      ];
    },
    usage: (counts) =>
      `${start}],"usage":${JSON.stringify(lastUsage(counts, options))}${
        isVllm ? `,"system_fingerprint":"${FINGERPRINTS.vllm}"` : ""
      }}`,
  };
}

/** A whole completion. */
export function completion(
  { id, created, model }: Head,
  { job, texts, options }: {
    job: Job;
    /** Of each choice. */
    texts: readonly string[];
    options: RequestOptions;
  },
): string {
  const isVllm = options.dialect === "vllm";
  return JSON.stringify({
    id,
    object: "text_completion",
    created,
    model,
    choices: job.answers.map(({ finishReason }, index) => ({
      index,
      text: texts[index],
      logprobs: null,
      finish_reason: finishReason,
      ...(isVllm && {
        stop_reason: null,
        token_ids: null,
        prompt_logprobs: null,
        prompt_token_ids: null,
        routed_experts: null,
      }),
    })),
    ...(isVllm && {
      service_tier: null,
      system_fingerprint: FINGERPRINTS.vllm,
    }),
    usage: usageOf(countsOf(job), options),
    ...(isVllm && {
      kv_transfer_params: null,
      ec_transfer_params: null,
      metrics: null,
    }),
  });
}
