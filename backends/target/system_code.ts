/** `ECONNREFUSED` and its like. */
export function systemCodeOf(error: Error | undefined): string | undefined {
  const code = error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}
