import { SESSION_DEFAULTS, type SessionOptions } from "./options.ts";
import { settingsOf } from "./settings.ts";

/**
 * The options of one connection: the server's, changed by its query or by the header `earshot-options`.
 *
 * @returns What is wrong with the settings, if something is.
 */
export function sessionOptions(
  request: { readonly url: string; readonly headers: Headers },
  defaults: SessionOptions,
): SessionOptions | string {
  const read = settingsOf(request, {
    current: defaults,
    known: SESSION_DEFAULTS,
    of: "sessions",
  });
  if (typeof read === "string") return read;
  const { options, changed } = read;
  return changed.has("tokenMs") && !changed.has("finalTokenMs")
    ? { ...options, finalTokenMs: options.tokenMs }
    : options;
}
