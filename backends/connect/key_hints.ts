/** What a status says of the key that a request had, or had not. */
export const KEY_HINTS: Readonly<Record<number, string>> = {
  401: "wants a key: apiKeyEnv names the variable that holds it",
  403: "knows who asks, and does not allow it",
};
