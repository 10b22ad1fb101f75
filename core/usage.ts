import { onAbort } from "../lib/abort.ts";
import { Budget, TaskGroup } from "../lib/concurrency.ts";
import { untilGrace } from "./attempt.ts";
import type { Clock } from "./clock.ts";
import type { Backend } from "./contract.ts";
import { sampleBytes } from "./memory.ts";
import { isToken } from "./metrics/table.ts";
import type { InferenceRequest } from "./request.ts";
import type { Output, Sample, Usage } from "./sample.ts";

/** Samples whose tokens are counted at the same time. */
const MAX_COUNTING = 16;
/** Samples that may wait: if the counter is slower than the load, the others stay uncounted instead of in memory. */
const MAX_WAITING = 4096;
/** Memory that waiting samples may take. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** Time limit for counts after the run was interrupted, in milliseconds. */
const GRACE_MS = 1000;

/** Options of a {@linkcode UsageCompleter}. */
export interface UsageCompleterOptions {
  /** Takes each sample, whether or not its tokens could be counted. */
  readonly put: (sample: Sample) => void;
  /** Aborts when the run is interrupted. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/**
 * After the request has ended, adds the token counts that the server did not give and replaces those that cannot be
 * right. Samples with all counts are passed on at once. A count that cannot be had stays unknown: no sample is lost because of it.
 */
export class UsageCompleter {
  readonly #backend: Backend;
  readonly #options: UsageCompleterOptions;
  readonly #counting = new TaskGroup();
  readonly #places = new Budget(MAX_COUNTING);
  #bytes = 0;
  #isGivenUp = false;

  constructor(backend: Backend, options: UsageCompleterOptions) {
    this.#backend = backend;
    this.#options = options;
  }

  /** Takes a sample that has ended. */
  add(sample: Sample, request: InferenceRequest): void {
    const { put } = this.#options;
    if (!lacksCount(sample)) return put(sample);
    const bytes = sampleBytes(sample);
    if (
      !this.#backend.countTokens ||
      this.#counting.size >= MAX_COUNTING + MAX_WAITING ||
      this.#bytes + bytes > MAX_WAITING_BYTES
    ) return put(withUsage(sample, {}));
    this.#bytes += bytes;
    this.#counting.add(this.#places.run(1, async () => {
      const counted = await this.#count(sample, request);
      this.#bytes -= bytes;
      put(counted);
    }));
  }

  /** Resolves when every sample has been passed on. */
  settled(): Promise<void> {
    return this.#counting.settled();
  }

  async #count(sample: Sample, request: InferenceRequest): Promise<Sample> {
    if (this.#isGivenUp) return withUsage(sample, {});
    const { signal, clock } = this.#options;
    const count = () => this.#backend.countTokens!(sample, request, signal);
    try {
      const usage = await untilGrace(count, {
        onAbort: (task) => onAbort(signal, task),
        clock,
        graceMs: GRACE_MS,
      });
      return withUsage(sample, usage);
    } catch (error) {
      if (signal.aborted && error === signal.reason) this.#isGivenUp = true;
      return withUsage(sample, {});
    }
  }
}

/** Whether a count is missing. For a failed request nobody knows how much the server read or wrote. */
function lacksCount(sample: Sample): boolean {
  const { inputTokens, outputTokens } = sample.output.usage ?? {};
  return sample.outcome.status === "ok" &&
    (!inputTokens || outputTokens === undefined || isDoubtful(sample));
}

/** Whether the count of output tokens cannot be right: 0 although there is output, or fewer than pieces of output. */
function isDoubtful({ deltas, output }: Sample): boolean {
  const { outputTokens } = output.usage ?? {};
  if (outputTokens === undefined) return false;
  // Deltas without output are left out only if the count is below the number of all deltas.
  if (outputTokens > 0 && outputTokens >= deltas.length) return false;
  const pieces = deltas.filter(isToken).length;
  return outputTokens < Math.max(pieces, hasOutput(output) ? 1 : 0);
}

function hasOutput(
  { text, reasoning, refusal, toolCalls, choices = [] }: Output,
): boolean {
  const texts = [text, reasoning, refusal, ...choices.map(({ text }) => text)];
  return texts.some((one) => one) || !!toolCalls?.length;
}

/**
 * Merges counts. The server's are kept, except one that cannot be right: it is replaced, and a 0 is dropped if nothing
 * replaces or confirms it. `countedBy` names the source of counts that are not the server's.
 */
function withUsage(sample: Sample, counted: Usage): Sample {
  const { usage: given } = sample.output;
  const { inputTokens, outputTokens, ...known } = given ?? {};
  const givenOutput = isDoubtful(sample) ? undefined : outputTokens;
  const input = inputTokens || counted.inputTokens;
  const output = givenOutput ?? counted.outputTokens ??
    (outputTokens || undefined);
  const by = {
    ...(!inputTokens && byOther("input", counted)),
    ...(givenOutput === undefined && byOther("output", counted)),
  };
  const { inputTokens: _i, outputTokens: _o, countedBy: _b, ...others } =
    counted;
  const usage: Usage = {
    ...others,
    ...(input !== undefined && { inputTokens: input }),
    ...(output !== undefined && { outputTokens: output }),
    ...known,
    ...(Object.keys(by).length > 0 && { countedBy: by }),
  };
  if (given === undefined && Object.keys(usage).length === 0) return sample;
  return { ...sample, output: { ...sample.output, usage } };
}

/** Source of a count, unless it was the server. */
function byOther(
  side: "input" | "output",
  { countedBy }: Usage,
): Usage["countedBy"] {
  const by = countedBy?.[side];
  return by === undefined || by === "server" ? {} : { [side]: by };
}
