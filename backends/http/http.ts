import type { Call } from "../../plugins/mod.ts";
import type { TlsOptions } from "../connect/tls.ts";

/** Sends HTTP requests to one server. No request waits for another's connection. */
export interface Http extends AsyncDisposable {
  /**
   * Sends one request and reads its response. Resolves when the response has ended or its last event was received, with
   * the server's name for the request in its header `x-request-id`.
   *
   * Marks `connected` (on a new connection), `requestSent`, `headers` and `firstByte`, counts reads and events, and
   * reports when the response ended. A request that is sent again is counted, and has the marks of the last time.
   *
   * @throws {RequestError} `connect_error`, `connect_timeout`, `headers_timeout`, `receive_timeout`,
   * `request_timeout`, `closed`, `stale_connection`, `protocol_error`, `too_large`, and `http_error` for a status other
   * than 2xx, with the status as its code and the server's message. An abort throws its reason, and an error of the
   * reader is passed on.
   */
  exchange(
    request: HttpRequest,
    call: Call,
    reader: ResponseReader,
  ): Promise<string | undefined>;
  /**
   * Opens connections to a server until `count` are without a request, unless each request has a connection of its own.
   * Resolves to how long each took, in milliseconds; those that fail are left out.
   */
  openAhead(
    url: URL,
    count: number,
    call: Pick<Call, "clock" | "signal">,
  ): Promise<number[]>;
}

/** A complete POST request. */
export interface HttpRequest {
  /** The URL. Requests to one URL share one object, which must not change. */
  readonly url: URL;
  /** Content type of the body, such as `application/json`. */
  readonly contentType: string;
  /** Bytes, or text to be sent as UTF-8. */
  readonly body: Uint8Array | string;
}

/** Receives a response while it arrives. Everything from one network read has the same time. */
export interface ResponseReader {
  /** Receives one server-sent event. Returns true if it is the last: nothing after it is awaited. */
  event(event: ServerEvent, atMs: number): boolean;
  /** Receives the whole body of a response that is not an event stream, with the time of its last read. */
  body(text: string, atMs: number): void;
  /**
   * Set if an event stream was requested: a body that begins like one is then read as one, whatever its content type,
   * which is passed to this function.
   */
  readonly mislabelled?:
    | ((contentType: string | undefined) => void)
    | undefined;
}

/** A server-sent event. */
export interface ServerEvent {
  /** Value of its field `event`. */
  readonly type?: string | undefined;
  /** Values of its fields `data`, joined by line feeds. */
  readonly data: string;
  /** Whether the stream ended without the empty line that completes the event. @default {false} */
  readonly isCut?: boolean;
}

/** Timeouts of a request. */
export interface Timeouts {
  /** Timeout for opening a connection, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Timeout of the response's headers from when the request was sent, in milliseconds. */
  readonly headersTimeoutMs?: number | undefined;
  /** Timeout between two reads of a response, in milliseconds. */
  readonly receiveTimeoutMs?: number | undefined;
  /** Timeout of the whole request, in milliseconds. */
  readonly requestTimeoutMs?: number | undefined;
}

/** Options of {@linkcode Http}. */
export interface HttpOptions extends Timeouts {
  /** Headers of each request, without the content type. */
  readonly headers: Readonly<Record<string, string>>;
  /** Certificates and keys. */
  readonly tls: TlsOptions;
  /** Whether a connection is used for one request after another. */
  readonly reuse: boolean;
  /**
   * Whether a request is sent again on a new connection, once, if a reused connection closes within a second and before
   * any byte of the response.
   */
  readonly retryStale: boolean;
  /** Whether HTTP/2 is used with servers that offer it over TLS; also with one request per connection at a time. */
  readonly http2: boolean;
  /** Reads the environment variables that name proxies. */
  env(name: string): string | undefined;
  /** Hides secrets in text from the server. */
  clean(text: string): string;
}
