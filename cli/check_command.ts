import { attempt } from "../core/attempt.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { counting } from "../core/counting.ts";
import { metrics } from "../core/metrics/table.ts";
import type { Sample } from "../core/sample.ts";
import { openSource, type ReadySession } from "../core/source.ts";
import { disposeInTime } from "../lib/disposal.ts";
import { type Backend, type OpenContext, UsageError } from "../plugins/mod.ts";
import { redact, redactText } from "../lib/redact.ts";
import { removeAbandonedFolders } from "../lib/temporary_folder.ts";
import type { CheckFlags } from "./commands/check.ts";
import { answerLines } from "./commands/check_answer.ts";
import { EXIT } from "./exit_code.ts";
import { interruptible } from "./interrupt.ts";
import { backendAndServer } from "./backend_of.ts";
import { datasetOf, wholeNumber } from "./run_plan.ts";
import { watchCall } from "./commands/trace_call.ts";
import { visible } from "./output.ts";
import { warn } from "./warn.ts";

/** `earshot check`: returns the exit code. */
export async function checkCommand(flags: CheckFlags): Promise<number> {
  using interrupt = interruptible();
  const { signal } = interrupt;
  const most = wholeNumber("--messages", flags.messages, 0);
  await removeAbandonedFolders();
  await using open = new AsyncDisposableStack();
  const clock = systemClock();
  const trace = tracer(clock, most);
  const context: OpenContext = {
    env: (name) => Deno.env.get(name),
    signal,
    warn,
    trace,
  };
  const later = (what: string, dispose: () => unknown) =>
    open.defer(() => disposeInTime(what, dispose, { clock, warn }));
  const dataset = await (await datasetOf(flags)).open(context);
  later("the dataset", () => dataset[Symbol.asyncDispose]?.());
  const made = await backendAndServer(flags);
  later("the reference server", () => made.server?.close());
  const backend = await made.backend.open(context);
  later("the backend", () => backend[Symbol.asyncDispose]?.());

  const source = openSource({
    dataset,
    backend,
    seed: 1,
    loop: false,
    signal,
    onSkip: (id, reason) => warn(`Skipped "${id}": ${reason}`),
    clock,
    onLate: (what) => warn(`${what} did not stop in time, and is left behind`),
  });
  const ready = await source.next();
  await source.close();
  if (ready === undefined) {
    throw new UsageError("Cannot check as no item of the data can be used");
  }
  print(facts(backend.facts, ready));
  const seen = watchCall(backend, most);
  const sample = await sent(ready, backend, seen.backend, { clock, signal });
  backend.endSession?.(ready.session.id);
  if (trace.used()) trace.rest(0);
  else {
    print(
      "             This backend traces no messages; this is what it recorded:",
    );
    trace.rest(seen.show(trace));
  }
  print(summary(sample));
  return sample.outcome.status === "ok"
    ? EXIT.done
    : signal.aborted
    ? interrupt.exitCode
    : EXIT.failed;
}

/** Sends the request, as a run would, and counts what the server has not. */
async function sent(
  ready: ReadySession,
  backend: Backend,
  sender: Pick<Backend, "needs" | "send">,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<Sample> {
  const request = requestOf(ready);
  let sample = await attempt(sender, request, {
    stage: 0,
    phase: "measure",
    scheduledMs: clock.now(),
    clock,
    signal,
  });
  const counts = counting(backend, {
    put: (it) => void (sample = it),
    signal,
    clock,
  });
  counts.take(sample, request);
  await counts.settled();
  return sample;
}

function requestOf({ session, prepared }: ReadySession) {
  const [turn] = session.turns;
  return {
    id: 0,
    turn: turn!,
    prepared: prepared[0],
    session: { id: session.id, turn: 0, history: [] },
  };
}

/** Shows messages, and counts them. */
interface Tracer {
  /** Shows one; at the present time, unless told otherwise. */
  (
    direction: "sent" | "received" | "note",
    message: string,
    atMs?: number,
  ): void;
  /** Whether there has been any. */
  used(): boolean;
  /** Tells how many messages were not shown, with so many that nobody kept. */
  rest(more: number): void;
}

/** Prints each message as it passes, and counts those that are too many to show. */
function tracer(
  clock: Clock,
  most: number,
): Tracer {
  const marks = { sent: "→", received: "←", note: "·" } as const;
  const shown = { sent: 0, received: 0, note: 0 };
  const trace = (
    direction: keyof typeof marks,
    message: string,
    atMs = clock.now(),
  ) => {
    if (++shown[direction] > most) return;
    print(
      `${atMs.toFixed(1).padStart(9)} ms ${marks[direction]} ${
        shortened(message)
      }`,
    );
  };
  return Object.assign(trace, {
    used: () => shown.sent + shown.received + shown.note > 0,
    rest(more: number) {
      const hidden = more + Math.max(0, shown.sent - most) +
        Math.max(0, shown.received - most);
      if (hidden > 0) {
        print(`${"".padStart(12)} … ${hidden} more messages: see --messages`);
      }
    },
  });
}

const LONGEST_MESSAGE = 240;

function shortened(message: string): string {
  return message.length <= LONGEST_MESSAGE
    ? message
    : `${message.slice(0, LONGEST_MESSAGE)}… (${message.length} characters)`;
}

function facts(
  known: Backend["facts"],
  { session }: ReadySession,
): string {
  const audio = session.turns[0]?.columns.audio;
  const item = audio
    ? `${session.id} (${(audio.durationMs / 1000).toFixed(2)} s of audio)`
    : session.id;
  const told = Object.entries(redact(known ?? {}) as object).map((
    [key, value],
  ) => `${key} ${typeof value === "object" ? JSON.stringify(value) : value}`);
  return [...told, `item ${item}`].join(" · ") + "\n";
}

/** What a report would be made of. */
function summary(sample: Sample): string {
  const { outcome, output, input, marks, dispatchedMs, deltas, audioSent } =
    sample;
  const lines = [
    "",
    outcome.status === "ok"
      ? "ok"
      : `${outcome.status}: ${outcome.failure.class}: ${outcome.failure.message}`,
  ];
  lines.push(...answerLines(output));
  if (input.reference !== undefined) {
    lines.push(`reference  ${input.reference}`);
  }
  const instants = Object.entries(marks).map(([name, atMs]) =>
    `${name} ${(atMs! - dispatchedMs).toFixed(1)}`
  );
  if (instants.length > 0) {
    lines.push(
      `instants   ${
        instants.join(" · ")
      } (ms after the request was dispatched)`,
    );
  }
  lines.push(
    `counts     ${audioSent.length} chunks sent · ${deltas.length} pieces of output, ${
      deltas.filter(({ text }) => text === "").length
    } empty`,
  );
  for (const { name, unit, label, of } of metrics) {
    const value = of(sample);
    if (typeof value === "number") {
      lines.push(
        `  ${label.padEnd(32)} ${
          value.toFixed(unit === "ms" ? 1 : 3).padStart(10)
        } ${unit === "ratio" ? "" : unit}  ${name}`,
      );
    }
  }
  return lines.join("\n");
}

/** Prints what may hold words of a server or of the data. */
function print(text: string): void {
  console.log(visible(redactText(text)));
}
