/**
 * The reference server: speaks the protocols of real inference servers, with set delays and faults, and keeps an exact
 * log of what it received and sent. docs/reference-server.md describes it.
 *
 * @module
 */
export { type Fault, parseFault } from "./faults.ts";
export type { FaultAction, FaultPoint } from "./session_faults.ts";
export type { HttpAction, HttpPoint } from "./http_faults.ts";
export { hashAudio, type LogEntry } from "./log.ts";
export { type ServerThread, startServerThread } from "./start_thread.ts";
export {
  REQUEST_DEFAULTS,
  type RequestOptions,
  type ServerOptions,
  SESSION_DEFAULTS,
  type SessionOptions,
} from "./options.ts";
export { type RunningServer, startServer } from "./server.ts";
