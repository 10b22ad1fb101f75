import { bag } from "./bag.ts";
import type { Backend } from "./contract.ts";
import type { InferenceRequest } from "./request.ts";
import type { Sample, Usage } from "./sample.ts";

/** Fills in token counts that the server did not give, after the request and off its time. */
export interface Counting {
  /** Takes a sample that has ended, and passes it on when it is counted. */
  take(sample: Sample, request: InferenceRequest): void;
  /** Resolves when every sample has been passed on. */
  settled(): Promise<void>;
}

/** How many samples are counted at a time. */
const AT_ONCE = 16;
/** How many may wait for it: a counter that is slower than the load leaves the others uncounted, not in memory. */
const MAX_WAITING = 4096;

/** Counts by the backend; passes on at once what needs no counting. What cannot be counted stays unknown. */
export function counting(
  backend: Backend,
  { put, signal }: { put: (sample: Sample) => void; signal: AbortSignal },
): Counting {
  const waiting: (() => Promise<void>)[] = [];
  const running = bag<Promise<void>>();

  /** A sample is never lost for want of counts, whatever a backend does. */
  async function counted(
    sample: Sample,
    request: InferenceRequest,
  ): Promise<Sample> {
    try {
      const usage = await backend.countTokens!(sample, request, signal);
      return withUsage(sample, usage);
    } catch {
      return sample;
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
      if (!backend.countTokens || !lacksCount(sample)) return put(sample);
      if (waiting.length >= MAX_WAITING) return put(sample);
      waiting.push(async () => put(await counted(sample, request)));
      begin();
    },
    async settled() {
      while (running.size > 0) await Promise.all([...running]);
    },
  };
}

/** Only what was answered is counted: of a failure nobody knows what the server read or wrote. */
function lacksCount({ outcome, output: { usage } }: Sample): boolean {
  return outcome.status === "ok" &&
    (usage?.inputTokens === undefined || usage.outputTokens === undefined);
}

/** What the server said stands; beside it stands who counted the rest. */
function withUsage(sample: Sample, usage: Usage): Sample {
  const known = sample.output.usage;
  const { input, output } = usage.countedBy ?? {};
  const countedBy = {
    ...(known?.inputTokens === undefined && input && { input }),
    ...(known?.outputTokens === undefined && output && { output }),
  };
  const merged: Usage = {
    ...usage,
    ...known,
    ...(Object.keys(countedBy).length > 0 && { countedBy }),
  };
  if (Object.keys(merged).length === 0) return sample;
  return { ...sample, output: { ...sample.output, usage: merged } };
}
