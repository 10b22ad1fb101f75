/**
 * Characters that can steer what shows a text: the controls of ASCII and Latin-1 except tab and line feed, separators of
 * lines and paragraphs, and those that override the direction of text.
 */
// deno-lint-ignore no-control-regex -- these are what it is about
const STEERING = /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;

/** The same, and the marks of direction that texts of some languages need: in JSON nothing is lost by an escape. */
const STEERING_JSON =
  // deno-lint-ignore no-control-regex -- these are what it is about
  /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Text from elsewhere for a terminal or a table: what could steer it is written out, as `\x1b` for an escape. */
export function visible(text: string): string {
  return text.replace(STEERING, (character) => {
    const code = character.charCodeAt(0);
    return code < 256 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`;
  });
}

/** JSON in which what could steer a terminal is an escape of JSON: equal once it is parsed. */
export function visibleJson(json: string): string {
  // Outside its strings JSON has none of these.
  return json.replace(
    STEERING_JSON,
    (character) => `\\u${hex(character.charCodeAt(0), 4)}`,
  );
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}
