import { onAbort } from "../lib/abort.ts";
import { giveUp } from "./attempt.ts";
import { bag } from "../lib/unordered.ts";
import type { Clock } from "./clock.ts";
import type { Backend } from "./contract.ts";
import { sampleBytes } from "./memory.ts";
import { isToken } from "./metrics/metric.ts";
import type { InferenceRequest } from "./request.ts";
import type { Output, Sample, Usage } from "./sample.ts";

/** Adds token counts that the server did not give, or that cannot be right, after the request has ended. */
export interface Counting {
  /** Takes a sample that has ended and passes it on when its tokens are counted. */
  take(sample: Sample, request: InferenceRequest): void;
  /** Resolves when every sample has been passed on. */
  settled(): Promise<void>;
}

/** Samples that are counted at the same time. */
const AT_ONCE = 16;
/** Samples that may wait: if the counter is slower than the load, the others stay uncounted instead of in memory. */
const MAX_WAITING = 4096;
/** Memory that waiting samples may take. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/** Time limit for counts after the run was interrupted, in milliseconds. */
const GRACE_MS = 1000;

/** Counts with the backend. Samples with all counts are passed on at once; what cannot be counted stays unknown. */
export function counting(
  backend: Backend,
  { put, signal, clock }: {
    put: (sample: Sample) => void;
    signal: AbortSignal;
    clock: Clock;
  },
): Counting {
  const waiting: (() => Promise<void>)[] = [];
  let waitingBytes = 0;
  const running = bag<Promise<void>>();
  let isGivenUp = false;

  /** A sample is never lost because its tokens cannot be counted. */
  async function counted(
    sample: Sample,
    request: InferenceRequest,
  ): Promise<Sample> {
    if (isGivenUp) return withUsage(sample, {});
    const letGo = giveUp(
      (task) => onAbort(signal, task),
      clock,
      GRACE_MS,
    );
    letGo.promise.catch(() => isGivenUp = true);
    try {
      const usage = await Promise.race([
        backend.countTokens!(sample, request, signal),
        letGo.promise,
      ]);
      return withUsage(sample, usage);
    } catch {
      return withUsage(sample, {});
    } finally {
      letGo.cancel();
    }
  }

  function begin(): void {
    while (running.size < AT_ONCE) {
      const count = waiting.shift();
      if (!count) return;
      const over = count();
      const leave = running.add(over);
      over.then(() => {
        leave();
        begin();
      });
    }
  }

  return {
    take(sample, request) {
      if (!lacksCount(sample)) return put(sample);
      if (!backend.countTokens || waiting.length >= MAX_WAITING) {
        return put(withUsage(sample, {}));
      }
      const bytes = sampleBytes(sample);
      if (waitingBytes + bytes > MAX_WAITING_BYTES) {
        return put(withUsage(sample, {}));
      }
      waitingBytes += bytes;
      waiting.push(async () => {
        const whole = await counted(sample, request);
        waitingBytes -= bytes;
        put(whole);
      });
      begin();
    },
    async settled() {
      while (running.size > 0) await Promise.all([...running]);
    },
  };
}

/** Whether a count is missing. Of a failed request it is unknown what the server read or wrote. */
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
 * Merges counts: the server's are kept, except a count that cannot be right, which is replaced. A 0 that could not be
 * replaced or confirmed is dropped. `countedBy` names the source of counts that are not the server's.
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
