import type { Sample } from "../sample.ts";
import {
  gaps,
  isText,
  type Metric,
  minus,
  ratio,
  streamedAudio,
} from "./metric.ts";

/** What matters where speech goes in. */
export const speechMetrics: readonly Metric[] = [
  {
    name: "audioSeconds",
    unit: "s",
    label: "audio",
    formula: "length of the audio",
    of: ({ input }) => ratio(input.audioMs, 1000),
  },
  {
    name: "rtfxRequest",
    unit: "ratio",
    label: "times real time",
    formula: "length of the audio ÷ latency",
    of: ({ input, endedMs, dispatchedMs }) =>
      ratio(input.audioMs, endedMs - dispatchedMs),
  },
  {
    name: "finalization",
    unit: "ms",
    label: "finalization",
    formula: "final − over",
    of: (sample) => minus(sample.marks.final, overMs(sample)),
  },
  {
    name: "finalizationFromEnd",
    unit: "ms",
    label: "finalization from end message",
    formula: "final − endSent",
    of: ({ marks }) => minus(marks.final, marks.endSent),
  },
  {
    name: "deltaGap",
    unit: "ms",
    label: "gap between texts",
    formula: "each gap between successive text deltas",
    of: (sample) =>
      streamedAudio(sample) ? gaps(sample.deltas.filter(isText)) : undefined,
  },
  {
    name: "revisions",
    unit: "count",
    label: "revisions",
    formula: "replace-mode text deltas that change words already shown",
    of: revisions,
  },
];

/** When the audio was over: as scheduled, however late its last chunk left; as sent, where nothing was scheduled. */
function overMs({ audioSent }: Sample): number | undefined {
  const last = audioSent.at(-1);
  return last?.dueMs ?? last?.atMs;
}

function revisions({ deltas }: Sample): number | undefined {
  const texts = deltas.filter(({ kind }) => kind === "text");
  if (!texts.some(({ mode }) => mode === "replace")) return undefined;
  let shown = "", changed = 0;
  for (const { text = "", mode } of texts) {
    if (mode === "replace" && !continues(shown, text)) changed++;
    shown = mode === "replace" ? text : shown + text;
  }
  return changed;
}

/** Whether every word shown is still there, at its place. */
function continues(shown: string, text: string): boolean {
  const now = words(text);
  return words(shown).every((word, i) => word === now[i]);
}

function words(text: string): string[] {
  return text.split(/\s+/u).filter((word) => word !== "");
}
