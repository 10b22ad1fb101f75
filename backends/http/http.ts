import type { Call } from "../../plugins/mod.ts";
import type { TlsOptions } from "../connect/tls.ts";

/** Sends HTTP requests to one server. No request waits for another's connection. */
export interface Http extends AsyncDisposable {
  /**
   * Sends one request and reads its response; resolves when the response has ended, or its last event has come.
   * A request that is sent again is counted, and marked as it was sent last.
   * Marks `connected` (on a new connection), `requestSent`, `headers` and `firstByte`, counts reads and events, and says
   * when the response had ended: before what has come is made anything of.
   *
   * @throws {RequestError} `connect_error`, `connect_timeout`, `headers_timeout`, `receive_timeout`,
   * `request_timeout`, `closed`, `stale_connection`, `protocol_error`, and `http_error` for a status that is not 2xx,
   * with the status as its code and what the server said. An abort throws its reason, a reader what it has thrown.
   */
  exchange(
    request: HttpRequest,
    call: Call,
    reader: ResponseReader,
  ): Promise<Exchanged>;
}

/** What is known of an exchange beside its response. */
export interface Exchanged {
  /** What the server calls it, in its header `x-request-id`. */
  readonly requestId?: string;
}

/** A POST request, whole. */
export interface HttpRequest {
  /** Where to. The same object for all requests to one place, which stays as it is: it is looked at once. */
  readonly url: URL;
  /** What the body is, as `application/json`. */
  readonly contentType: string;
  /** Bytes, or text to be sent as UTF-8. */
  readonly body: Uint8Array | string;
}

/** What a protocol makes of a response, as it comes. All of one network read has one time. */
export interface ResponseReader {
  /** One server-sent event. Returns true if it was the last: what follows is not waited for. */
  event(event: ServerEvent, atMs: number): boolean;
  /** The whole body of a response that is no event stream, with the time of its last read. */
  body(text: string, atMs: number): void;
  /**
   * Set where an event stream was asked for: a body that begins like one is then read as one, whatever its content
   * type, which this is called with.
   */
  readonly mislabelled?:
    | ((contentType: string | undefined) => void)
    | undefined;
}

/** A server-sent event. */
export interface ServerEvent {
  /** What `event:` said. */
  readonly type?: string | undefined;
  /** What `data:` said, lines joined. */
  readonly data: string;
  /** Whether the stream ended before the empty line behind it: all of it, or what had come of it. @default {false} */
  readonly isCut?: boolean;
}

/** How {@linkcode Http} behaves. */
export interface HttpOptions {
  /** Headers of each request, but for its content type. */
  readonly headers: Readonly<Record<string, string>>;
  /** How to trust and be trusted. */
  readonly tls: TlsOptions;
  /** How long a connection may take, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** How long the response's headers may take once the request was sent, in milliseconds. */
  readonly headersTimeoutMs?: number | undefined;
  /** How long the server may be silent in the middle of a response, in milliseconds. */
  readonly receiveTimeoutMs?: number | undefined;
  /** How long a request may take in all, in milliseconds. */
  readonly requestTimeoutMs?: number | undefined;
  /** Whether a connection takes one request after another. */
  readonly reuse: boolean;
  /**
   * Whether a request is sent again on a new connection, once, if a used one closes within a second of it and nothing
   * of a response has come.
   */
  readonly retryStale: boolean;
  /** Whether to speak HTTP/2 where a server offers it over TLS. A connection takes one request at a time there too. */
  readonly http2: boolean;
  /** Reads an environment variable: for proxies. */
  env(name: string): string | undefined;
  /** Takes secrets out of text that a server has written. */
  clean(text: string): string;
}
