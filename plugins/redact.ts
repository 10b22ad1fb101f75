/** What stands in place of something secret. */
const HIDDEN = "***";

/**
 * Options as a report may hold them: the values of headers, and of a URL its user, password and the values of its
 * query, are hidden, as any of them may be a secret.
 */
export function redact(options: unknown): unknown {
  return withoutSecrets(options, false);
}

function withoutSecrets(value: unknown, isSecret: boolean): unknown {
  if (Array.isArray(value)) {
    return value.map((each) => withoutSecrets(each, isSecret));
  }
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [
        key,
        withoutSecrets(each, isSecret || /^headers$/i.test(key)),
      ]),
    );
  }
  if (isSecret) return HIDDEN;
  return typeof value === "string" ? shownUrl(value) : value;
}

/** A text for an error: of every URL of the web in it what may be a secret is hidden. */
export function shownText(text: string): string {
  return text.replace(/https?:[^\s"'),]*[^\s"'),.:;]/gi, shownUrl);
}

/** A URL as it may be shown, its user, password and the values of its query hidden; any other text as it is. */
export function shownUrl(text: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return text;
  const url = URL.parse(text);
  if (!url) return shownOdd(text);
  if (!url.username && !url.password && !url.search) return text;
  if (url.username) url.username = HIDDEN;
  if (url.password) url.password = HIDDEN;
  for (const name of new Set(url.searchParams.keys())) {
    url.searchParams.set(name, HIDDEN);
  }
  return url.href;
}

/** What is no URL after all, as it was mistyped. */
function shownOdd(text: string): string {
  return text.replace(/:\/\/[^/?#]*@/, `://${HIDDEN}@`)
    .replace(/\?[^#]*/, `?${HIDDEN}`);
}
