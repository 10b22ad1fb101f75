/**
 * The reference server: speaks the protocols of real inference servers, with set delays and faults, and keeps an exact
 * log of what it received and sent. docs/reference-server.md describes it.
 *
 * @module
 */
export {
  type Fault,
  type FaultAction,
  FAULTS,
  parseFault,
  type RequestPoint,
  type SessionPoint,
} from "./faults.ts";
export { hashAudio, type LogEntry } from "./log.ts";
export { type RunningServer, startServer } from "./server.ts";
export {
  readSetting,
  REQUEST_DEFAULTS,
  REQUEST_SETTINGS,
  type RequestOptions,
  type ServerOptions,
  SESSION_DEFAULTS,
  SESSION_SETTINGS,
  type SessionOptions,
} from "./settings.ts";
export { type ServerThread, startServerThread } from "./start_thread.ts";
