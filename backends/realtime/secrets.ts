/** What stands in a secret's place. */
const HIDDEN = "***";

/** Anything shorter would be found in every other text. */
const MIN_LENGTH = 6;

/** Takes secrets out of text that a server has written. */
export function cleaner(secrets: readonly string[]): (text: string) => string {
  const known = secrets.filter((secret) => secret.length >= MIN_LENGTH)
    .sort((a, b) => b.length - a.length);
  return (text) =>
    known.reduce((clean, secret) => clean.replaceAll(secret, HIDDEN), text);
}
