/** Audio that cannot be used. The message names the file and the rule that it breaks. */
export class AudioError extends Error {
  /** Tells it from other errors across realms. */
  override readonly name = "AudioError";
}

/** The error for `name`, in the words of the house. */
export function refusal(
  name: string,
  rule: string,
  { is, cause }: { is: string | number; cause?: unknown },
): AudioError {
  const message = `Cannot read ${name} as ${rule}: current value is ${is}`;
  return new AudioError(message, cause === undefined ? {} : { cause });
}
