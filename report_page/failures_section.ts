import type { FailureNote } from "../plugins/mod.ts";
import type { RequestDetails } from "../reporters/html/request_details.ts";
import {
  disclosure,
  element,
  foreignText,
  messageBox,
  table,
} from "./element.ts";
import { formatNumber, formatValue, plural } from "./format.ts";
import {
  chosenStage,
  failureKey,
  isChosenFailure,
  startOf,
  type View,
} from "./state.ts";

/** Failures of a stage by class, each with a message, and the first failed requests. */
export function failuresSection(view: View): HTMLElement | undefined {
  const { data, choices } = view;
  const stage = chosenStage(view);
  if (!stage) return undefined;
  const { report, details } = stage;
  const failed = (details?.requests ?? []).filter(({ status }) =>
    status !== "ok"
  );
  const failures = report?.failures ?? [];
  if (failures.length === 0 && failed.length === 0) return undefined;
  const listed = failed.filter((each) => isChosenFailure(choices, each));
  const { ok = 0, error = 0, timeout = 0 } = report?.counts ?? {};
  const all = ok + error + timeout;
  return element(
    "section",
    { id: "failures", "aria-labelledby": "failures-head" },
    element("h3", { id: "failures-head" }, "Failures"),
    failures.length > 0 && table(
      "Failures by class and code, each with the message of its first request",
      [
        {
          head: "failure",
          isText: true,
          cell: (failure) => filterButton(view, failure),
        },
        {
          head: "requests",
          cell: ({ count }) => [
            formatNumber(count),
            all > 0 &&
            element("small", {}, formatValue(count / all, "share")),
          ],
        },
        {
          head: "message",
          isText: "long",
          cell: ({ message }) => messageBox(message),
        },
      ],
      failures,
    ),
    failures.length > 0 && element(
      "p.hint",
      { role: "status" },
      choices.failure === undefined
        ? "Select a class to show only its requests in this section, over time and in the lanes."
        : "Only requests that failed so are shown here, over time and in the lanes. ",
      choices.failure !== undefined && element("button", {
        onclick: () => view.choose({ failure: undefined }),
        id: "failure-all",
      }, "Show all requests"),
    ),
    listed.length > 0 && disclosure(
      "failures-requests",
      `${plural(listed.length, "failed request")}, one by one`,
      () => [
        requestTable(listed, startOf(stage)),
        element(
          "p.hint",
          {},
          `The page has the first ${data.limits.failed} failed requests of a stage and the first ${data.limits.ofClass} of each class.`,
        ),
      ],
    ),
  );
}

function filterButton(
  { choices, choose }: View,
  failure: FailureNote,
): HTMLElement {
  const name = failureKey(failure);
  const isChosen = choices.failure === name;
  return element("button.link", {
    id: `failure-${name}`,
    "aria-pressed": String(isChosen),
    onclick: () =>
      choose({
        failure: isChosen ? undefined : name,
        lanes: isChosen ? "first" : "failed",
        request: undefined,
      }),
  }, foreignText(name));
}

function requestTable(
  requests: readonly RequestDetails[],
  startMs: number,
): HTMLElement {
  return table("Failed requests", [
    { head: "request", cell: ({ id }) => String(id) },
    {
      head: "session",
      isText: "long",
      cell: ({ session, turn }) => [
        foreignText(session),
        turn > 0 ? `, turn ${turn + 1}` : "",
      ],
    },
    {
      head: "failed after",
      cell: ({ endedMs, dispatchedMs }) =>
        formatValue(endedMs - dispatchedMs, "ms"),
    },
    {
      head: "at",
      title: "since the stage began",
      cell: ({ endedMs }) => `${formatNumber((endedMs - startMs) / 1000)} s`,
    },
    {
      head: "failure",
      isText: true,
      cell: ({ failure }) => failure ? foreignText(failureKey(failure)) : "",
    },
    {
      head: "message",
      isText: "long",
      cell: ({ failure }) => messageBox(failure?.message ?? ""),
    },
  ], requests);
}
