// A backend that imports nothing but types, so that it can be loaded from a file and from a URL.
//   earshot run --backend ./examples/http_post_backend.ts=http://127.0.0.1:9000/answer --data repeat=hello --requests 20
import type { Call, InferenceRequest, OpenContext } from "../plugins/mod.ts";

interface Options {
  readonly url: string;
}

export default {
  kind: "backend",
  apiVersion: 1,
  name: "http-post",
  summary:
    "Posts the prompt as plain text; the body of the response is the answer",
  primary: "url",
  options: {
    "~standard": {
      version: 1,
      vendor: "example",
      validate(value: unknown) {
        const { url } = value as Options;
        return URL.canParse(url) ? { value: { url } } : {
          issues: [{
            path: ["url"],
            message: `must be a URL, but was ${url}`,
          }],
        };
      },
      jsonSchema: {
        input: () => ({
          type: "object",
          properties: {
            url: { type: "string", description: "URL to post to" },
          },
          required: ["url"],
        }),
      },
    },
  },
  open: ({ url }: Options, { trace }: OpenContext) => ({
    needs: ["text"],
    facts: { url },
    async send({ turn }: InferenceRequest, call: Call) {
      const body = turn.columns.text ?? "";
      trace?.("sent", body); // shown by `earshot check`
      const response = await fetch(url, {
        method: "POST",
        body,
        signal: call.signal,
      });
      call.mark("headers");
      const bytes = await response.bytes();
      const atMs = call.read(bytes.length); // before it is decoded
      const text = new TextDecoder().decode(bytes);
      call.output(atMs, { kind: "text", text });
      trace?.("received", text);
      if (!response.ok) {
        throw new Error(`the server answered ${response.status}`);
      }
      return {};
    },
  }),
};
