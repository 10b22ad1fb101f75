/** Attributes and properties of a new element. Texts are set as text, never as HTML. */
export type Attributes = Readonly<
  Record<string, string | number | boolean | undefined>
>;

/** A child of an element; what is absent is left out. */
export type Child = Node | string | number | false | undefined;

/**
 * Creates an element.
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
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    created.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) {
    if (child === undefined || child === false) continue;
    created.append(typeof child === "number" ? String(child) : child);
  }
  return created;
}
