import { type Call, type Output, RequestError } from "../../../plugins/mod.ts";
import { protocolError } from "../json.ts";
import type { AnswerReader } from "../protocol.ts";
import { type UsageMeter, usageMeter } from "../usage.ts";
import { refuseWrappedEvents } from "../wrapped_events.ts";
import { type ResponseFormat, transcriptIn } from "./transcript.ts";
import { type Step, stepOf } from "./events.ts";

/** What a reader of transcripts is told. */
export interface ReaderOptions {
  /** The form that was asked for. */
  readonly format: ResponseFormat;
  /** Called if the answer comes whole. */
  whole(): void;
}

/** Reads the transcript of one upload, as it comes or whole. */
export function transcriptReader(
  call: Call,
  { format, whole }: ReaderOptions,
): AnswerReader {
  const meter = usageMeter({ answers: 1 });
  const record = recorder(call, meter);
  let output: Output = {};
  let isWhole = false;
  let isTold = false;
  return {
    event(event, atMs) {
      const step = stepOf(event);
      record(step, atMs);
      output = { ...output, ...completionOf(step) };
      isWhole = isOver(step, isWhole, output);
      isTold ||= tells(step);
      return step.isEnd === true;
    },
    body(body) {
      output = transcriptIn(body, format);
      isWhole = isTold = true;
      whole();
    },
    result() {
      if (!isWhole) throw new RequestError("truncated", TRUNCATED);
      if (!isTold) throw protocolError(NOTHING);
      const { usage } = meter;
      return usage ? { ...output, usage } : output;
    },
  };
}

const TRUNCATED =
  "The stream ended before the transcript: neither [DONE] nor a done event nor the counts of all came last";
const NOTHING = "a stream must hold a transcript: current value is none";

/**
 * Records pieces of text. Where a server tells segments alone they are the pieces; where it tells neither, the whole
 * text is one.
 */
function recorder(
  call: Call,
  meter: UsageMeter,
): (step: Step, atMs: number) => void {
  let said = "";
  let hasDeltas = false;
  function put(atMs: number, text: string, tokens?: number): void {
    refuseWrappedEvents(text);
    if (text !== "") said = text;
    const counted = tokens === undefined ? {} : { tokens };
    call.output(atMs, { kind: "text", text, ...counted });
  }
  return ({ delta, segment, text, usage }, atMs) => {
    if (delta !== undefined) {
      hasDeltas = true;
      const choice = { index: 0, hasOutput: delta !== "" };
      const tokens = meter.event({ usage: [usage], choices: [choice] });
      return put(atMs, delta, tokens);
    }
    meter.event({ usage: [usage], choices: [] });
    if (segment !== undefined && !hasDeltas) put(atMs, spaced(said, segment));
    else if (text && said === "") put(atMs, text);
    else if (text) refuseWrappedEvents(text);
  };
}

/** A segment behind another: its words must not run into those before. */
function spaced(before: string, text: string): string {
  return before === "" || /\s$/.test(before) || /^\s/.test(text)
    ? text
    : ` ${text}`;
}

/**
 * Whether the stream may end here. Of long audio each piece has a reason why it ended, which says nothing of the whole;
 * the counts of all stand behind the last piece.
 */
function isOver(
  { isEnd, isCount, delta, finishReason }: Step,
  before: boolean,
  { finishReason: last }: Output,
): boolean {
  if (isEnd) return true;
  if (isCount) return last !== undefined;
  return before && !delta && finishReason === undefined;
}

/** Whether an event is one of a transcript, even of silence. */
function tells({ delta, segment, text, finishReason }: Step): boolean {
  return [delta, segment, text, finishReason].some((told) =>
    told !== undefined
  );
}

/** What a step adds to the output. */
function completionOf({ text, finishReason, id }: Step): Output {
  return {
    ...(text !== undefined && { text }),
    ...(finishReason !== undefined && { finishReason }),
    ...(id !== undefined && { responseId: id }),
  };
}
