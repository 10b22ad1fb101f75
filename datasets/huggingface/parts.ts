import { posix } from "node:path";
import { didYouMean } from "../../lib/text.ts";
import { isRecord } from "../../lib/record.ts";
import { UsageError } from "../../plugins/mod.ts";
import type { HubFile } from "./hub.ts";

/** Files by configuration and split. */
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

/** Extensions of files with records. */
const RECORDS = /\.(parquet|jsonl|ndjson|json|csv|tsv)$/i;
/** Other files with such extensions. */
const METADATA = /(^|\/)(\.|_)|(^|\/)(dataset_infos?|state|config)\.json$/i;
const SHARD = /^(.+?)[-_.]\d{3,}-of-\d{3,}(-[0-9a-f]+)?$/;
const SPLITS =
  /(?:^|[^a-z])(train|test|validation|valid|val|dev|eval)(?:ing)?(?:[^a-z]|$)/i;

/** Finds the files of each split: from the card's configurations, otherwise from the names of files and folders. */
export function partsOf(files: readonly HubFile[], configs: unknown): Parts {
  const records = files.filter(({ path }) =>
    RECORDS.test(path) && !METADATA.test(path)
  ).sort((a, b) => a.path < b.path ? -1 : 1);
  const given = configsIn(configs).flatMap((config) =>
    placesIn(config, records)
  );
  const places = given.length > 0
    ? given
    : records.map((file) => ({ ...placeOf(file.path), file }));
  const parts = new Map<string, Map<string, HubFile[]>>();
  for (const { config, split, file } of places) {
    const splits = parts.get(config) ?? new Map<string, HubFile[]>();
    const others = (splits.get(split) ?? []).filter((each) => each !== file);
    parts.set(config, splits.set(split, [...others, file]));
  }
  return parts;
}

/** The configuration that the card marks as the default. */
export function usualConfigOf(configs: unknown): string | undefined {
  const usual = configsIn(configs).find((each) => each["default"] === true);
  const name = usual?.["config_name"];
  return typeof name === "string" ? name : undefined;
}

function configsIn(configs: unknown): Record<string, unknown>[] {
  return Array.isArray(configs) ? configs.filter(isRecord) : [];
}

/** The places of the files of one configuration in a card. */
function placesIn(
  config: Record<string, unknown>,
  records: readonly HubFile[],
) {
  const { config_name: name = "default", data_files, data_dir } = config;
  const folder = typeof data_dir === "string"
    ? data_dir.replace(/^\.?\//, "").replace(/(?<!\/)\/*$/, "/")
    : "";
  const below = records.filter(({ path }) => path.startsWith(folder));
  const place = (split: string, file: HubFile) => ({
    config: String(name),
    split,
    file,
  });
  if (data_files === undefined) {
    return folder === ""
      ? []
      : below.map((file) => place(placeOf(file.path).split, file));
  }
  return patternsIn(data_files).flatMap(({ split, pattern }) =>
    below.filter(({ path }) => matches(path.slice(folder.length), pattern))
      .map((file) => place(split, file))
  );
}

/** The patterns of `data_files`: texts, or objects with `split` and `path`. */
function patternsIn(dataFiles: unknown) {
  return [dataFiles].flat().flatMap((each) => {
    if (typeof each === "string") return [{ split: "train", pattern: each }];
    if (!isRecord(each) || !("split" in each)) return [];
    const split = String(each["split"]);
    return [each["path"]].flat().flatMap((pattern) =>
      typeof pattern === "string" ? [{ split, pattern }] : []
    );
  });
}

function matches(path: string, pattern: string): boolean {
  const plain = pattern.replace(/^\.?\//, "");
  return path === plain || path.startsWith(`${plain.replace(/\/$/, "")}/`) ||
    posix.matchesGlob(path, plain);
}

/** The configuration and split of a file by its name. Folders are configurations, except `data`. */
function placeOf(path: string): Omit<Part, "files"> {
  const folders = path.split("/");
  const stem = folders.pop()!.replace(RECORDS, "");
  // CONFIG/SPLIT/0000.parquet, as on the branch with the hub's conversion.
  if (/^(partial-)?(part-)?\d+$/.test(stem) && folders.length > 0) {
    const split = folders.pop()!.replace(/^partial-/, "");
    return { config: configOf(folders), split };
  }
  const named = SHARD.exec(stem)?.[1] ?? SPLITS.exec(stem)?.[1];
  if (named !== undefined) return { config: configOf(folders), split: named };
  const folder = SPLITS.test(folders.at(-1) ?? "") ? folders.pop() : undefined;
  return { config: configOf(folders), split: folder ?? "train" };
}

function configOf(folders: readonly string[]): string {
  const named = folders[0] === "data" ? folders.slice(1) : folders;
  return named.join("/") || "default";
}

/** The options that choose a split. */
export interface Choice {
  readonly dataset: string;
  /** The card's default configuration. */
  readonly usual?: string | undefined;
  readonly config?: string | undefined;
  readonly split?: string | undefined;
}

/**
 * Chooses a split: the given one, else `test`, else the first.
 *
 * @throws {UsageError} If it does not exist. The message lists those that do.
 */
export function choose(parts: Parts, choice: Choice): Part {
  const { usual = "" } = choice;
  const configs = [...parts.keys()];
  const config = choice.config ??
    [usual, "default"].find((name) => parts.has(name)) ??
    (configs.length === 1 ? configs[0] : undefined);
  const splits = parts.get(config ?? "");
  if (config === undefined || splits === undefined) {
    throw unknownName("config", configs, choice);
  }
  const names = [...splits.keys()];
  const split = choice.split ?? (splits.has("test") ? "test" : names[0]!);
  const files = splits.get(split);
  if (files === undefined) throw unknownName("split", names, choice);
  return { config, split, files };
}

function unknownName(
  option: "config" | "split",
  names: readonly string[],
  choice: Choice,
): UsageError {
  const { dataset, [option]: value } = choice;
  const list = `${dataset} has ${names.join(", ")}`;
  return new UsageError(
    value === undefined
      ? `${option}: must be given: ${list}`
      : `${option}: unknown ${option} "${value}"${
        didYouMean(value, names)
      }; ${list}`,
  );
}
