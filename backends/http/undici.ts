import { Agent, type Dispatcher } from "undici";
import { createParser } from "eventsource-parser";
import { RequestError } from "../../plugins/mod.ts";
import type { Http, HttpOptions } from "./http.ts";

/** Opens the transport over undici's dispatch. */
export function openHttp(options: HttpOptions): Http {
  const { ca, cert, key, rejectUnauthorized } = options.tls;
  const agent = new Agent({
    connections: null,
    pipelining: options.reuse ? 1 : 0,
    allowH2: options.http2,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: {
      timeout: options.connectTimeoutMs,
      rejectUnauthorized,
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
    },
  });
  return {
    exchange: ({ url, contentType, body }, call, reader) =>
      new Promise((resolve, reject) => {
        const decoder = new TextDecoder();
        let atMs = 0, status = 0, text = "", isStream = false, over = false;
        const parser = createParser({
          onEvent({ event, data }) {
            if (over) return;
            call.event(atMs);
            over = reader.event({ type: event, data }, atMs);
            if (over) resolve();
          },
        });
        const handler: Dispatcher.DispatchHandler = {
          onRequestStart(controller) {
            call.signal.addEventListener("abort", () => {
              controller.abort(call.signal.reason);
            });
          },
          onResponseStart(_controller, code, headers) {
            call.mark("headers");
            status = code;
            isStream = String(headers["content-type"]).startsWith(
              "text/event-stream",
            );
          },
          onResponseData(_controller, chunk) {
            atMs = call.read(chunk.length);
            const piece = decoder.decode(chunk, { stream: true });
            if (isStream && status < 300) parser.feed(piece);
            else text += piece;
          },
          onResponseEnd() {
            if (status >= 300) {
              reject(
                new RequestError("http_error", text, { code: String(status) }),
              );
            } else {
              if (!isStream) reader.body(text, atMs);
              resolve();
            }
          },
          onResponseError: (_controller, error) =>
            reject(
              call.signal.aborted
                ? call.signal.reason
                : new RequestError("connect_error", error.message),
            ),
        };
        agent.dispatch({
          origin: url.origin,
          path: url.pathname + url.search,
          method: "POST",
          headers: { ...options.headers, "content-type": contentType },
          body,
        }, handler);
      }),
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
}
