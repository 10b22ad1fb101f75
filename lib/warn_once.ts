/** Passes on the first message of each topic and drops the others. */
export type WarnOnce = (topic: string, message: string) => void;

/** Creates a function that passes on the first message of each topic to `warn`. */
export function warnOnce(warn: (message: string) => void): WarnOnce {
  const seen = new Set<string>();
  return (topic, message) => {
    if (seen.has(topic)) return;
    seen.add(topic);
    warn(message);
  };
}
