/** Which room may import which others: the arrows of ARCHITECTURE.md. Rooms that are not listed may import anything. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  core: ["lib"],
  audio: ["lib"],
  clips: ["lib"],
  tokens: ["lib"],
  plugins: ["lib", "core"],
  backends: ["lib", "plugins", "audio", "tokens"],
  datasets: ["lib", "plugins", "audio", "clips", "tokens"],
  loads: ["lib", "plugins"],
  reporters: ["lib", "plugins", "report_page"],
  report_page: ["plugins", "reporters"],
  server: ["lib", "core/clock.ts", "audio", "clips"],
  "catalogue.ts": ["plugins", "backends", "datasets", "loads", "reporters"],
  "mod.ts": [
    "lib",
    "core",
    "plugins",
    "audio",
    "clips",
    "tokens",
    "backends",
    "datasets",
    "loads",
    "reporters",
    "catalogue.ts",
  ],
};

/** Targets of the project's own import names, as deno.json exports them. */
const OWN_NAMES: Readonly<Record<string, string>> = {
  "@earshot/earshot": "mod.ts",
  "@earshot/earshot/plugin": "plugins",
  "@earshot/earshot/audio": "audio",
  "@earshot/earshot/tokens": "tokens",
  "@earshot/earshot/testing": "plugins",
};

const ROOT = new URL("../../", import.meta.url).href;

/** The location of a linted file. */
export interface Place {
  /** Path from the project's root, with forward slashes. */
  readonly path: string;
  /** The top-level folder or file; undefined outside the project. */
  readonly room: string | undefined;
  /** Whether it is a test. */
  readonly isTest: boolean;
  /** Its URL. */
  readonly url: string;
}

/** The place of a file by its path on disk. */
export function placeOf(filename: string): Place {
  const url = toUrl(filename);
  const path = url.startsWith(ROOT) ? url.slice(ROOT.length) : filename;
  return {
    path,
    room: roomOf(url),
    isTest: /_test\.tsx?$/.test(path),
    url,
  };
}

/** The violation that an import of `specifier` is, if it is one. */
export function offence(from: Place, specifier: string): string | undefined {
  const { room } = from;
  const allowed = room === undefined ? undefined : MAY_IMPORT[room];
  if (allowed === undefined) return undefined;
  const there = target(from, specifier);
  if (there === "package") {
    return room === "core" ? "core/ imports no package" : undefined;
  }
  if (there === room || allowed.includes(there)) return undefined;
  if (allowed.some((file) => isFile(from, specifier, file))) return undefined;
  if (there === "deno.json" && room !== "core") return undefined;
  return `${label(room!)} may not import ${label(there)}`;
}

/** Whether imports out of this place are restricted at all. */
export function isBound({ room, isTest }: Place): boolean {
  return !isTest && room !== undefined && room in MAY_IMPORT;
}

function target(from: Place, specifier: string): string {
  const own = OWN_NAMES[specifier];
  if (own) return own;
  const relative = /^\.{0,2}\//.test(specifier) ||
    specifier.startsWith("file:");
  if (!relative) return "package";
  return roomOf(new URL(specifier, from.url).href) ?? specifier;
}

/** Whether a specifier names this one file. */
function isFile(from: Place, specifier: string, file: string): boolean {
  return new URL(specifier, from.url).href === ROOT + file;
}

function roomOf(url: string): string | undefined {
  return url.startsWith(ROOT)
    ? url.slice(ROOT.length).split(/[/?#]/)[0]
    : undefined;
}

function toUrl(filename: string): string {
  const path = filename.replaceAll("\\", "/");
  return new URL(`file://${path.startsWith("/") ? "" : "/"}${path}`).href;
}

function label(room: string): string {
  return room.includes(".") ? room : `${room}/`;
}
