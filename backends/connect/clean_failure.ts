import { isRequestError, messageOf, RequestError } from "../../plugins/mod.ts";

/** A failure in the words of a server, secrets taken out; its causes are told in one line with it. */
export function cleanFailure(
  error: unknown,
  clean: (text: string) => string,
): unknown {
  if (!isRequestError(error)) return error;
  const { code } = error;
  return new RequestError(error.class, clean(messageOf(error)), {
    code: code === undefined ? undefined : clean(code),
  });
}
