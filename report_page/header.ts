import type { PageData } from "../reporters/html/page_data.ts";
import { choice, element, foreignText } from "./element.ts";
import { plural } from "./format.ts";

/** Look of the page. */
export type Theme = "auto" | "light" | "dark";

/** Title of the report, the facts that identify the run, and the choice of a theme. */
export function header(
  data: PageData,
  { theme, onTheme }: { theme: Theme; onTheme(theme: Theme): void },
): HTMLElement {
  const { run, earshot } = data.info;
  const facts = [
    run.startedAt.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC"),
    run.config.data.map(({ use }) => use).join(" + "),
    plural(data.stages.length, "stage"),
    `seed ${run.config.seed}`,
    `earshot ${earshot.version}`,
  ];
  return element(
    "header",
    {},
    element(
      "div",
      {},
      element("p.eyebrow", {}, "earshot report"),
      element("h1", {}, foreignText(titleOf(data))),
      element("p.hint", {}, foreignText(facts.join(" · "))),
    ),
    choice(
      "theme",
      "Colours",
      [
        { value: "auto", label: "as the system" },
        { value: "light", label: "light" },
        { value: "dark", label: "dark" },
      ],
      { value: theme, onChoice: (value) => onTheme(value as Theme) },
    ),
  );
}

/** The backend, the model and the server: what was measured. */
export function titleOf({ info: { run } }: PageData): string {
  const { backend = {} } = run.facts;
  const text = (name: string) => {
    const value = backend[name];
    return typeof value === "string" && value !== "" ? [value] : [];
  };
  const [url] = [...text("url"), ...text("target")];
  return [
    run.config.backend.use.split(/[\\/]/).at(-1) ?? "",
    ...text("model"),
    ...(url === undefined ? [] : [url]),
  ].join(" · ");
}
