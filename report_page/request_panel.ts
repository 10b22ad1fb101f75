import type { RequestDetails } from "../reporters/html/request_details.ts";
import { element, foreignText, messageBox, table } from "./element.ts";
import { formatValue, plural } from "./format.ts";
import { failureKey, metricOf, type View } from "./state.ts";

/** One request in detail: its instants, its metrics, its failure, and the texts as they came. */
export function requestPanel(
  view: View,
  request: RequestDetails,
): HTMLElement {
  const { id, session, turn, phase, status, failure, texts = [] } = request;
  return element(
    "div.callout",
    {},
    element(
      "p",
      {},
      element("strong", {}, `Request ${id}`),
      " · ",
      foreignText(session),
      turn > 0 ? ` · turn ${turn + 1}` : "",
      phase === "measure"
        ? ""
        : ` · in the ${
          phase === "warmup" ? "warm-up" : "cool-down"
        }, not measured`,
      ` · ${status}`,
    ),
    failure && element(
      "div",
      {},
      element("strong", {}, foreignText(failureKey(failure))),
      messageBox(failure.message),
    ),
    element(
      "div.pair",
      {},
      table("Instants, since it was due", [
        { head: "instant", isText: true, cell: ({ name }) => name },
        { head: "after", cell: ({ ms }) => formatValue(ms, "ms") },
      ], instantsOf(request)),
      table("Metrics", [
        {
          head: "metric",
          isText: true,
          cell: ([name]) => metricOf(view.data, name).label,
        },
        {
          head: "value",
          cell: ([name, value]) =>
            formatValue(value, metricOf(view.data, name).unit),
        },
      ], Object.entries(request.values)),
    ),
    texts.length > 0 && element(
      "p",
      {},
      `${
        plural(texts.length, "text")
      } as they came, at milliseconds since the audio began: `,
      texts.flatMap(({ atMs, text }) => [
        element(
          "small.time",
          {},
          `${
            Math.round(atMs - (request.audioMs?.[0] ?? request.dispatchedMs))
          }`,
        ),
        " ",
        foreignText(text),
        " ",
      ]),
    ),
  );
}

/** Names of the instants, in their usual order. */
const INSTANTS = [
  ["connected", "connected"],
  ["ready", "session ready"],
  ["requestSent", "request sent"],
  ["streamStart", "audio begins"],
  ["headers", "response headers"],
  ["firstByte", "first byte"],
  ["firstEvent", "first event"],
  ["endSent", "end of the input sent"],
  ["final", "final text"],
] as const;

function instantsOf(
  { scheduledMs, dispatchedMs, endedMs, marks, tokensMs }: RequestDetails,
): { readonly name: string; readonly ms: number }[] {
  const instants: (readonly [string, number | undefined])[] = [
    ["due", scheduledMs],
    ["dispatched", dispatchedMs],
    ...INSTANTS.map(([key, name]) => [name, marks[key]] as const),
    ["first output", tokensMs?.[0]],
    ["last output", tokensMs?.[1]],
    ["ended", endedMs],
  ];
  return instants.flatMap(([name, atMs]) =>
    atMs === undefined ? [] : [{ name, ms: atMs - scheduledMs }]
  ).sort((a, b) => a.ms - b.ms);
}
