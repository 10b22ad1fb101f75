/** Attributes of a new element, and its handlers of events by name: `onclick`. */
export type Attributes = Readonly<
  Record<
    string,
    string | number | boolean | undefined | ((event: Event) => void)
  >
>;

/** A child of an element; what is absent is left out. Texts are added as text, never as HTML. */
export type Child = Node | string | number | false | undefined;

/**
 * Creates an element of HTML.
 *
 * @param selector Its tag, then classes: `p.note`.
 */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  selector: Tag | `${Tag}.${string}`,
  attributes: Attributes = {},
  ...children: readonly (Child | readonly Child[])[]
): HTMLElementTagNameMap[Tag] {
  const [tag = "", ...classes] = selector.split(".");
  const created = document.createElement(tag as Tag);
  if (classes.length > 0) created.className = classes.join(" ");
  fill(created, attributes, children);
  return created;
}

/** Creates an element of SVG. */
export function drawing<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly (Child | readonly Child[])[]
): SVGElementTagNameMap[Tag] {
  const created = document.createElementNS("http://www.w3.org/2000/svg", tag);
  fill(created, attributes, children);
  return created;
}

function fill(
  created: Element,
  attributes: Attributes,
  children: readonly (Child | readonly Child[])[],
): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      created.addEventListener(name.slice("on".length), value);
    } else if (value !== undefined && value !== false) {
      created.setAttribute(name, value === true ? "" : String(value));
    }
  }
  append(created, children.flat());
}

/** Appends what is there of some children. */
export function append(parent: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child === undefined || child === false) continue;
    parent.append(typeof child === "number" ? String(child) : child);
  }
}

/** A text of a server, of data or of a configuration: its direction does not change what is around it. */
export function foreignText(text: string): HTMLElement {
  return element("bdi", {}, text);
}

/** A message in a box of its own. A long one scrolls there, by keyboard too. */
export function messageBox(text: string): HTMLElement {
  const tabindex = text.length > 300 ? 0 : undefined;
  return element("div.message", { tabindex }, foreignText(text));
}

/** A column of a table. */
export interface Column<Row> {
  readonly head: string;
  /** Explains the head. */
  readonly title?: string;
  readonly cell: (row: Row) => Child | readonly Child[];
  /** Whether it is text, which is aligned left; long text is wrapped. @default {false} */
  readonly isText?: boolean | "long";
}

/** Creates a table in a box that scrolls sideways. The first column names the rows. */
export function table<Row>(
  caption: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  classOf: (row: Row) => string | undefined = () => undefined,
): HTMLElement {
  const classFor = ({ isText }: Column<Row>) =>
    isText === "long" ? "text long" : isText ? "text" : undefined;
  const head = columns.map((column) =>
    element(
      "th",
      { scope: "col", title: column.title, class: classFor(column) },
      column.head,
    )
  );
  const body = rows.map((row) =>
    element(
      "tr",
      { class: classOf(row) },
      columns.map((column, i) => {
        const children = [column.cell(row)].flat() as Child[];
        const scope = i === 0 ? "row" : undefined;
        return element(
          i === 0 ? "th" : "td",
          { scope, class: classFor(column) },
          children,
        );
      }),
    )
  );
  return element(
    "div.table",
    {},
    element("p.hint", { "aria-hidden": true }, caption),
    element(
      "div.scrolls",
      { tabindex: 0, role: "region", "aria-label": caption },
      element(
        "table",
        {},
        element("caption", { class: "unseen" }, caption),
        element("thead", {}, element("tr", {}, head)),
        element("tbody", {}, body),
      ),
    ),
  );
}

/** Creates a part that is closed at first. Its name keeps it open when the page is shown again. */
export function disclosure(
  name: string,
  summary: string,
  children: readonly Child[] | (() => readonly Child[]),
): HTMLElement {
  const created = element(
    "details",
    { id: name },
    element("summary", { id: `${name}-summary` }, summary),
  );
  const contents = typeof children === "function" ? children : () => children;
  // Large tables are made only when they are read.
  created.addEventListener("toggle", () => {
    if (created.open && created.childElementCount === 1) {
      append(created, contents());
    }
  });
  return created;
}

/** An option of a choice. */
export interface Option {
  readonly value: string;
  readonly label: string;
  /** Heading of the options that it belongs to. */
  readonly group?: string;
}

/** Creates a labelled choice between options. */
export function choice(
  id: string,
  label: string,
  options: readonly Option[],
  { value, onChoice }: { value: string; onChoice(value: string): void },
): HTMLElement {
  const select = element("select", {
    id,
    onchange: () => onChoice(select.value),
  });
  const groups = Map.groupBy(options, ({ group }) => group);
  for (const [group, members] of groups) {
    const made = members.map((each) =>
      element("option", { value: each.value }, each.label)
    );
    if (group === undefined) select.append(...made);
    else select.append(element("optgroup", { label: group }, made));
  }
  select.value = value;
  return element("label.choice", {}, element("span", {}, label), select);
}
