/**
 * The reference server: speaks the protocols of real inference servers, with set delays and faults, and keeps an exact
 * log of what it received and sent. docs/reference-server.md describes it.
 *
 * @module
 */
export { FAULTS, parseFault } from "./faults.ts";
export { hashAudio, type LogEntry } from "./log.ts";
export { type RunningServer, startServer } from "./server.ts";
export {
  REQUEST_SETTINGS,
  type ServerOptions,
  SESSION_SETTINGS,
} from "./settings.ts";
export { startServerThread } from "./start_thread.ts";
