import { attempt } from "../core/attempt.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { UsageCompleter } from "../core/usage.ts";
import { metrics } from "../core/metrics/table.ts";
import type { Output, Sample } from "../core/sample.ts";
import { type ReadySession, SessionSource } from "../core/source.ts";
import { zip } from "../datasets/zip.ts";
import { redact, redactText } from "../lib/redact.ts";
import { removeAbandonedFolders } from "../lib/temporary_folder.ts";
import {
  type Backend,
  type Call,
  type OpenContext,
  UsageError,
} from "../plugins/mod.ts";
import { abandoned, joined, openPlugin } from "../plugins/run.ts";
import type { CheckFlags } from "./commands/check.ts";
import { EXIT } from "./exit_code.ts";
import { numberFlag } from "./flags.ts";
import { interruptible } from "./interrupt.ts";
import { visible, warn } from "./output.ts";
import { readRun } from "./prepare.ts";

/** Sends one request as a run would, and prints all that passes. Returns the exit code. */
export async function check(flags: CheckFlags): Promise<number> {
  using interrupt = interruptible();
  const { signal } = interrupt;
  const most = numberFlag("--messages", flags.messages, 0);
  await removeAbandonedFolders();
  await using stack = new AsyncDisposableStack();
  const clock = systemClock();
  const trace = tracer(clock, most);
  const context: OpenContext = {
    env: (name) => Deno.env.get(name),
    signal,
    warn,
    trace,
  };
  const prepared = stack.use(await readRun({ ...flags, report: ["console"] }));
  const data = joined(prepared.run.data, zip);
  const dataset = await openPlugin(data, context, { stack, clock });
  const configured = await prepared.startBackend();
  const backend = await openPlugin(configured, context, { stack, clock });

  const source = new SessionSource({
    dataset,
    backend,
    seed: 1,
    loop: false,
    signal,
    onSkip: (id, reason) => warn(`Skipped "${id}": ${reason}`),
    clock,
    onLate: (part) => warn(abandoned(part === "dataset" ? data : configured)),
  });
  const ready = await source.next();
  await source.close();
  if (ready === undefined) {
    throw new UsageError("no item of the data can be used");
  }
  print(facts(backend.facts, ready));
  const seen = watchCall(backend, most);
  const sample = await sent(ready, backend, seen.backend, { clock, signal });
  backend.endSession?.(ready.session.id);
  if (trace.used()) trace.rest(0);
  else {
    print(
      "             This backend traces no messages. Its recorded calls:",
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

/** Sends the request and counts the tokens that the server did not. */
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
  const usage = new UsageCompleter(backend, {
    put: (it) => void (sample = it),
    signal,
    clock,
  });
  usage.add(sample, request);
  await usage.settled();
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

/** Shows messages and counts them. */
interface Tracer {
  /** Shows a message; its time is the present unless given. */
  (
    direction: "sent" | "received" | "note",
    message: string,
    atMs?: number,
  ): void;
  /** Whether there was any message. */
  used(): boolean;
  /** Shows the number of messages that were not shown, including `more` that were not kept. */
  rest(more: number): void;
}

/** Prints each message as it passes, up to `most` each way. */
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
  const known_facts = Object.entries(redact(known ?? {}) as object).map((
    [key, value],
  ) => `${key} ${typeof value === "object" ? JSON.stringify(value) : value}`);
  return [...known_facts, `item ${item}`].join(" · ") + "\n";
}

/** Formats what a report would be made of. */
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
      `instants   ${instants.join(" · ")} (ms after dispatch)`,
    );
  }
  lines.push(
    `counts     ${audioSent.length} chunks sent · ${deltas.length} deltas of output, ${
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

/** Prints text that may come from a server or from the data. */
function print(text: string): void {
  console.log(visible(redactText(text)));
}

/** Formats an answer, one line for each part that it has. */
export function answerLines(output: Output): string[] {
  const { text, reasoning, refusal, toolCalls = [], embeddings, usage } =
    output;
  const { input, output: written } = usage?.countedBy ?? {};
  const parts: readonly (readonly [string, string | undefined])[] = [
    ["reasoning", reasoning],
    ["answer", text],
    ["refusal", refusal],
    ...toolCalls.map(({ name, arguments: given }) =>
      ["call", `${name} ${given}`] as const
    ),
    [
      "vectors",
      embeddings &&
      `${embeddings.count} of ${embeddings.dimensions} dimensions`,
    ],
    ["input", input && `its tokens are counted by ${WORDS[input]}`],
    ["output", written && `its tokens are counted by ${WORDS[written]}`],
  ];
  return parts.flatMap(([label, value]) =>
    value === undefined ? [] : [`${label.padEnd(10)} ${value.trim()}`]
  );
}

/** Names of the counters of tokens, other than the answer itself. */
const WORDS = {
  server: "the server",
  tokenize: "/tokenize",
  tokenizer: "the tokenizer",
  deltas: "deltas: an estimate",
  characters: "characters: an estimate",
} as const;

/** Direction of a message, or a note: as in `context.trace`. */
type Direction = Parameters<NonNullable<OpenContext["trace"]>>[0];

/** A recording of a request, for backends that do not trace their own messages. */
export interface SeenCall {
  /** Sends a request through the backend and keeps what it records. */
  readonly backend: Pick<Backend, "needs" | "send">;
  /** Shows the recorded messages in order, each with its time. Returns the number of messages that were not kept. */
  show(
    trace: (direction: Direction, message: string, atMs: number) => void,
  ): number;
}

/** Records the calls of a backend: at most `most` messages of each direction. */
export function watchCall(backend: Backend, most: number): SeenCall {
  const seen: { direction: Direction; message: string; atMs: number }[] = [];
  const counts = { sent: 0, received: 0, note: 0 };

  function watched(call: Call): Call {
    const { clock } = call;
    const keep = (
      direction: Direction,
      message: () => string,
      atMs = clock.now(),
    ) => {
      if (++counts[direction] > most) return;
      seen.push({ direction, message: message(), atMs });
    };
    return {
      get signal() {
        return call.signal;
      },
      throwIfAborted: () => call.throwIfAborted(),
      onAbort: (task) => call.onAbort(task),
      clock,
      read(bytes, atMs) {
        const readMs = call.read(bytes, atMs);
        keep("received", () => `${bytes} bytes`, readMs);
        return readMs;
      },
      event(atMs) {
        call.event(atMs);
        keep("received", () => "event", atMs);
      },
      output(atMs, delta) {
        call.output(atMs, delta);
        keep("received", () => `output ${JSON.stringify(delta)}`, atMs);
      },
      buffered: (bytes) => call.buffered(bytes),
      mark(instant, atMs) {
        call.mark(instant, atMs);
        keep("note", () => instant, atMs);
      },
      retried() {
        call.retried();
        keep("note", () => "retried on a new connection");
      },
      ended(atMs) {
        call.ended(atMs);
        keep("note", () => "ended", atMs);
      },
      audioSent(chunk) {
        call.audioSent(chunk);
        keep(
          "sent",
          () => `audio up to ${chunk.endMs.toFixed(0)} ms`,
          chunk.atMs,
        );
      },
    };
  }

  return {
    backend: {
      needs: backend.needs,
      send: (request, call) => backend.send(request, watched(call)),
    },
    show(trace) {
      for (const { direction, message, atMs } of seen) {
        trace(direction, message, atMs);
      }
      return Math.max(0, counts.sent - most) +
        Math.max(0, counts.received - most);
    },
  };
}
