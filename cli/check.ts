import { attempt } from "../core/attempt.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { UsageCompleter } from "../core/usage.ts";
import { metrics } from "../core/metrics/table.ts";
import type { Output, Sample } from "../core/sample.ts";
import { type ReadySession, SessionSource } from "../core/source.ts";
import { redact, redactText } from "../lib/redact.ts";
import { type Backend, type OpenContext, UsageError } from "../plugins/mod.ts";
import { abandoned, openPlugin } from "../plugins/run.ts";
import type { CheckFlags } from "./commands/check.ts";
import { numberFlag } from "./flags.ts";
import { interruptible } from "./interrupt.ts";
import { EXIT, visible, warn } from "./output.ts";
import { readRun } from "./prepare.ts";

/** Sends one request as a run would, and prints all that passes. Returns the exit code. */
export async function check(flags: CheckFlags): Promise<number> {
  using interrupt = interruptible();
  const { signal } = interrupt;
  const clock = systemClock();
  const most = numberFlag("--messages", flags.messages, 0);
  const messages = new Messages(clock, most);
  await using stack = new AsyncDisposableStack();
  const context: OpenContext = {
    env: (name) => Deno.env.get(name),
    signal,
    warn,
    trace: (direction, message) => messages.show(direction, message),
  };
  const prepared = stack.use(await readRun({ ...flags, report: ["console"] }));
  const closing = { stack, clock };
  const dataset = await openPlugin(prepared.dataset, context, closing);
  const configured = await prepared.startBackend();
  const backend = await openPlugin(configured, context, closing);

  const source = new SessionSource({
    dataset,
    backend,
    seed: 1,
    loop: false,
    signal,
    onSkip: (id, reason) => warn(`Skipped "${id}": ${reason}`),
    clock,
    onLate: (part) =>
      warn(abandoned(part === "dataset" ? prepared.dataset : configured)),
  });
  const ready = await source.next();
  await source.close();
  if (ready === undefined) {
    throw new UsageError("no item of the data can be used");
  }
  print(facts(backend.facts, ready));
  const sample = await sent(ready, backend, { clock, signal });
  backend.endSession?.(ready.session.id);
  if (!messages.any) {
    print("             This backend traces no messages. The recorded ones:");
    showRecorded(sample, messages);
  }
  messages.showRest();
  print(summary(sample));
  if (sample.outcome.status === "ok") return EXIT.done;
  return signal.aborted ? interrupt.exitCode : EXIT.failed;
}

/** Sends the request and counts the tokens that the server did not. */
async function sent(
  ready: ReadySession,
  backend: Backend,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<Sample> {
  const { session, prepared: [prepared] } = ready;
  const request = {
    id: 0,
    turn: session.turns[0]!,
    prepared,
    session: { id: session.id, turn: 0, history: [] },
  };
  let sample = await attempt(backend, request, {
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

/** Direction of a message, or a note: as in `context.trace`. */
type Direction = Parameters<NonNullable<OpenContext["trace"]>>[0];

const MARKS = { sent: "→", received: "←", note: "·" } as const;
const LONGEST_MESSAGE = 240;

/** Prints the first messages of each direction, and counts the others. */
class Messages {
  readonly #counts = { sent: 0, received: 0, note: 0 };
  readonly #clock: Clock;
  readonly #most: number;

  constructor(clock: Clock, most: number) {
    this.#clock = clock;
    this.#most = most;
  }

  /** Whether there was any message. */
  get any(): boolean {
    return Object.values(this.#counts).some((count) => count > 0);
  }

  show(direction: Direction, message: string, atMs = this.#clock.now()): void {
    if (++this.#counts[direction] > this.#most) return;
    const shown = message.length <= LONGEST_MESSAGE
      ? message
      : `${message.slice(0, LONGEST_MESSAGE)}… (${message.length} characters)`;
    print(`${atMs.toFixed(1).padStart(9)} ms ${MARKS[direction]} ${shown}`);
  }

  /** Prints the number of messages that were not shown. */
  showRest(): void {
    const { sent, received } = this.#counts;
    const hidden = Math.max(0, sent - this.#most) +
      Math.max(0, received - this.#most);
    if (hidden === 0) return;
    print(`${"".padStart(12)} … ${hidden} more messages: see --messages`);
  }
}

/** Shows the instants, the output and the audio of a sample, in the order of their times. */
function showRecorded(sample: Sample, messages: Messages): void {
  type Shown = [direction: Direction, message: string, atMs: number];
  const notes = Object.entries(sample.marks).map((
    [instant, atMs],
  ): Shown => ["note", instant, atMs]);
  const received = sample.deltas.map(({ atMs, ...delta }): Shown => [
    "received",
    `output ${JSON.stringify(delta)}`,
    atMs,
  ]);
  const sent = sample.audioSent.map(({ atMs, endMs }): Shown => [
    "sent",
    `audio up to ${endMs.toFixed(0)} ms`,
    atMs,
  ]);
  const all = [...notes, ...sent, ...received].sort((a, b) => a[2] - b[2]);
  for (const each of all) messages.show(...each);
}

function facts(known: Backend["facts"], { session }: ReadySession): string {
  const audio = session.turns[0]?.columns.audio;
  const item = audio
    ? `${session.id} (${(audio.durationMs / 1000).toFixed(2)} s of audio)`
    : session.id;
  const parts = Object.entries(redact(known ?? {}) as object).map((
    [key, value],
  ) => `${key} ${typeof value === "object" ? JSON.stringify(value) : value}`);
  return [...parts, `item ${item}`].join(" · ") + "\n";
}

/** Formats the sample that a report would be made of. */
function summary(sample: Sample): string {
  const { outcome, output, input, marks, reads, deltas, audioSent } = sample;
  const instants = Object.entries(marks).map(([name, atMs]) =>
    `${name} ${(atMs - sample.dispatchedMs).toFixed(1)}`
  );
  const empty = deltas.filter(({ text }) => text === "").length;
  const counts = [
    `${audioSent.length} chunks sent`,
    `${deltas.length} deltas of output, ${empty} empty`,
    `${reads.bytes} bytes read`,
  ];
  const values = metrics.flatMap(({ name, unit, label, of }) => {
    const value = of(sample);
    if (typeof value !== "number") return [];
    const shown = value.toFixed(unit === "ms" ? 1 : 3).padStart(10);
    const sign = unit === "ratio" ? "" : unit;
    return [`  ${label.padEnd(32)} ${shown} ${sign}  ${name}`];
  });
  return [
    "",
    outcome.status === "ok"
      ? "ok"
      : `${outcome.status}: ${outcome.failure.class}: ${outcome.failure.message}`,
    ...answerLines(output),
    ...labelled("reference", input.reference),
    ...labelled(
      "instants",
      instants.length === 0
        ? undefined
        : `${instants.join(" · ")} (ms after dispatch)`,
    ),
    ...labelled("counts", counts.join(" · ")),
    ...values,
  ].join("\n");
}

/** Formats an answer, one line for each part that it has. */
export function answerLines(output: Output): string[] {
  const { toolCalls = [], embeddings, usage } = output;
  const { input, output: written } = usage?.countedBy ?? {};
  return [
    ...labelled("reasoning", output.reasoning),
    ...labelled("answer", output.text),
    ...labelled("refusal", output.refusal),
    ...toolCalls.flatMap(({ name, arguments: given }) =>
      labelled("call", `${name} ${given}`)
    ),
    ...labelled(
      "vectors",
      embeddings &&
        `${embeddings.count} of ${embeddings.dimensions} dimensions`,
    ),
    ...labelled("input", input && `its tokens are counted by ${WORDS[input]}`),
    ...labelled(
      "output",
      written && `its tokens are counted by ${WORDS[written]}`,
    ),
  ];
}

/** Names of the counters of tokens, other than the answer itself. */
const WORDS = {
  server: "the server",
  tokenize: "/tokenize",
  tokenizer: "the tokenizer",
  deltas: "deltas: an estimate",
  characters: "characters: an estimate",
} as const;

function labelled(label: string, value: string | undefined): string[] {
  return value === undefined ? [] : [`${label.padEnd(10)} ${value.trim()}`];
}

/** Prints text that may come from a server or from the data. */
function print(text: string): void {
  console.log(visible(redactText(text)));
}
