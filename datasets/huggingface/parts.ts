import { posix } from "node:path";
import { nearest } from "../../lib/nearest.ts";
import { UsageError } from "../../plugins/mod.ts";
import type { HubFile } from "./hub.ts";

/** Files by split, by configuration. */
export type Parts = ReadonlyMap<
  string,
  ReadonlyMap<string, readonly HubFile[]>
>;

/** A split that was chosen. */
export interface Part {
  readonly config: string;
  readonly split: string;
  readonly files: readonly HubFile[];
}

/** Endings of files that hold records. */
const RECORDS = /\.(parquet|jsonl|ndjson|json|csv|tsv)$/i;
/** Files that stand beside records. */
const BESIDE = /(^|\/)(\.|_)|(^|\/)(dataset_infos?|state|config)\.json$/i;
const SHARD = /^(.+?)[-_.]\d{3,}-of-\d{3,}(-[0-9a-f]+)?$/;
const SPLITS =
  /(?:^|[^a-z])(train|test|validation|valid|val|dev|eval)(?:ing)?(?:[^a-z]|$)/i;

/** What a card says of one configuration. */
interface Config {
  readonly config_name?: string;
  readonly data_files?: unknown;
  readonly data_dir?: string;
  readonly default?: unknown;
}

/** Finds the files of every split: as the card says, else as files and folders are named. */
export function partsOf(files: readonly HubFile[], configs: unknown): Parts {
  const records = files.filter(({ path }) =>
    RECORDS.test(path) && !BESIDE.test(path)
  ).sort((a, b) => a.path < b.path ? -1 : 1);
  const said = Array.isArray(configs) ? byCard(records, configs) : new Map();
  return said.size > 0 ? said : byName(records);
}

function byCard(records: readonly HubFile[], configs: readonly unknown[]) {
  const parts = new Map<string, Map<string, HubFile[]>>();
  for (const config of configs.filter(isConfig)) {
    const name = config.config_name ?? "default";
    for (const [split, found] of splitsBy(config, records)) {
      if (found.length > 0) add(parts, name, split, found);
    }
  }
  return parts;
}

function isConfig(value: unknown): value is Config {
  return typeof value === "object" && value !== null;
}

function splitsBy(
  { data_files, data_dir }: Config,
  records: readonly HubFile[],
): Iterable<[string, readonly HubFile[]]> {
  const folder = data_dir?.replace(/^\.?\//, "").replace(/(?<!\/)\/*$/, "/") ??
    "";
  const below = records.filter(({ path }) => path.startsWith(folder));
  if (data_files === undefined) return folder === "" ? [] : splitsOf(below);
  return patternsOf(data_files).map(([split, patterns]) => [
    split,
    below.filter(({ path }) =>
      patterns.some((each) => fits(path.slice(folder.length), each))
    ),
  ]);
}

/** The configuration that a card says is meant where none is asked for. */
export function usualConfigOf(configs: unknown): string | undefined {
  const list: unknown[] = Array.isArray(configs) ? configs : [];
  return list.filter(isConfig).find((each) => each.default === true)
    ?.config_name;
}

/** Patterns by split, however a card writes them. */
function patternsOf(dataFiles: unknown): [string, string[]][] {
  const texts = (value: unknown) =>
    [value].flat().filter((each) => typeof each === "string");
  const list = [dataFiles].flat();
  if (list.every((each) => typeof each === "string")) {
    return [["train", texts(dataFiles)]];
  }
  return list.flatMap((each): [string, string[]][] =>
    typeof each === "object" && each !== null && "split" in each
      ? [[String(each.split), texts("path" in each ? each.path : undefined)]]
      : []
  );
}

function fits(path: string, pattern: string): boolean {
  const plain = pattern.replace(/^\.?\//, "");
  return path === plain || path.startsWith(`${plain.replace(/\/$/, "")}/`) ||
    posix.matchesGlob(path, plain);
}

/** Folders that hold splits are configurations; `data` is none. */
function byName(records: readonly HubFile[]) {
  const parts = new Map<string, Map<string, HubFile[]>>();
  for (const file of records) {
    const { config, split } = placeOf(file.path);
    add(parts, config, split, [file]);
  }
  return parts;
}

function splitsOf(records: readonly HubFile[]): Map<string, HubFile[]> {
  const parts = new Map<string, Map<string, HubFile[]>>();
  for (const file of records) {
    add(parts, "", placeOf(file.path).split, [file]);
  }
  return parts.get("") ?? new Map();
}

function placeOf(path: string): { config: string; split: string } {
  const folders = path.split("/");
  const stem = folders.pop()!.replace(RECORDS, "");
  // CONFIG/SPLIT/0000.parquet, as on the branch that the hub converts to.
  if (/^(partial-)?(part-)?\d+$/.test(stem) && folders.length > 0) {
    const split = folders.pop()!.replace(/^partial-/, "");
    return { config: configOf(folders), split };
  }
  const shard = SHARD.exec(stem)?.[1];
  if (shard !== undefined) return { config: configOf(folders), split: shard };
  const named = SPLITS.exec(stem)?.[1];
  if (named !== undefined) return { config: configOf(folders), split: named };
  const folder = SPLITS.exec(folders.at(-1) ?? "") ? folders.pop() : undefined;
  return { config: configOf(folders), split: folder ?? "train" };
}

function configOf(folders: readonly string[]): string {
  const named = folders[0] === "data" ? folders.slice(1) : folders;
  return named.join("/") || "default";
}

function add(
  parts: Map<string, Map<string, HubFile[]>>,
  config: string,
  split: string,
  files: readonly HubFile[],
): void {
  const splits = parts.get(config) ?? new Map<string, HubFile[]>();
  parts.set(config, splits);
  splits.set(split, [...(splits.get(split) ?? []), ...files]);
}

/** What the user asked for. */
export interface Wanted {
  readonly dataset: string;
  /** The configuration where none is asked for, as the card has it. */
  readonly usual?: string | undefined;
  readonly config?: string | undefined;
  readonly split?: string | undefined;
}

/**
 * Chooses a split: the one that is asked for, else `test`, else the first.
 *
 * @throws {UsageError} If there is none of that name; those that are stand in it.
 */
export function choose(parts: Parts, wanted: Wanted): Part {
  const config = wanted.config ?? usualConfig(parts, wanted.usual);
  const splits = config === undefined ? undefined : parts.get(config);
  if (config === undefined || splits === undefined) {
    throw mustBeOneOf("config", [...parts.keys()], wanted);
  }
  const split = wanted.split ??
    (splits.has("test") ? "test" : [...splits.keys()][0]!);
  const files = splits.get(split);
  if (files === undefined) {
    throw mustBeOneOf("split", [...splits.keys()], wanted);
  }
  return { config, split, files };
}

function usualConfig(
  parts: Parts,
  usual: string | undefined,
): string | undefined {
  if (usual !== undefined && parts.has(usual)) return usual;
  if (parts.has("default")) return "default";
  return parts.size === 1 ? [...parts.keys()][0] : undefined;
}

function mustBeOneOf(
  option: "config" | "split",
  names: readonly string[],
  wanted: Wanted,
): UsageError {
  const { dataset, [option]: value } = wanted;
  const near = value === undefined ? undefined : nearest(value, names);
  return new UsageError(
    `Cannot open the dataset ${dataset} as '${option}' must be one of ${
      names.join(", ")
    }: current value is ${value ?? "missing"}${
      near && names.length > 1 ? `; did you mean ${near}?` : ""
    }`,
    { problems: [{ path: option, message: `no ${option} ${value ?? ""}` }] },
  );
}
