import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import {
  Document,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  type YAMLError,
} from "yaml";
import { systemClock } from "../core/clock.ts";
import type { RunConfig } from "../core/config.ts";
import { settlesWithin } from "../lib/disposal.ts";
import { isRecord } from "../lib/record.ts";
import { stripColors } from "../lib/text.ts";
import { isUsageError, messageOf, UsageError } from "../plugins/mod.ts";
import { readSamples, upgradeResult } from "../reporters/samples_file.ts";

/** A configuration as a file holds it, not checked yet. */
export interface ConfigFile {
  readonly value: unknown;
  /** Path of the configuration in the file, for errors: `run.config.` in a report. */
  readonly prefix: string;
  /** Whether it is the result of a run: a report or a file of samples. */
  readonly isResult: boolean;
}

/**
 * Reads the configuration in a file: YAML, JSON, a module that exports it by default, a report, or a file of samples.
 *
 * @throws {UsageError} If the file cannot be read, or has another format.
 */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  const read = READERS[extname(path).toLowerCase()];
  if (read === undefined) {
    throw new UsageError(
      `${path}: a configuration must end in ${Object.keys(READERS).join(", ")}`,
    );
  }
  const value = copyOf(path, await read(path));
  if (value === undefined || value === null) {
    throw new UsageError(`${path}: is empty`);
  }
  if (!isRecord(value)) return { value, prefix: "", isResult: false };
  return resultConfig(path, value) ?? { value, prefix: "", isResult: false };
}

/** Copies what a file holds, so that a getter runs once and neither a cycle nor deep nesting reaches the checks. */
function copyOf(path: string, value: unknown): unknown {
  const copy = (part: unknown, depth: number): unknown => {
    if (depth > MAX_DEPTH) {
      throw new UsageError(
        `must not contain itself, nor more than ${MAX_DEPTH} levels`,
      );
    }
    if (Array.isArray(part)) return part.map((each) => copy(each, depth + 1));
    if (!isRecord(part) || Object.keys(part).length === 0) return part;
    const entries = Object.entries(part);
    return Object.fromEntries(
      entries.map(([key, each]) => [key, copy(each, depth + 1)]),
    );
  };
  try {
    return copy(value, 0);
  } catch (cause) {
    const message = isUsageError(cause)
      ? cause.message
      : `cannot be read: ${messageOf(cause)}`;
    throw new UsageError(`${path}: ${message}`, { cause });
  }
}

const MAX_DEPTH = 100;

const READERS: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  ".yaml": readYaml,
  ".yml": readYaml,
  ".json": readJson,
  ".jsonl": readFirstLine,
  ".ts": importConfig,
  ".js": importConfig,
  ".mts": importConfig,
  ".mjs": importConfig,
};

/** The configuration of a report or a file of samples. */
function resultConfig(
  path: string,
  value: Record<string, unknown>,
): ConfigFile | undefined {
  if (typeof value.schema !== "string") return undefined;
  const { schema, run } = upgradeResult(value);
  if (/^earshot\.(report|samples)\/2$/.test(`${schema}`) && isRecord(run)) {
    return { value: run.config, prefix: "run.config.", isResult: true };
  }
  throw new UsageError(
    `${path}: schema must be earshot.report/2 or earshot.samples/2, but was ${
      JSON.stringify(schema)
    }`,
  );
}

async function readText(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    throw new UsageError(`cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}

async function readYaml(path: string): Promise<unknown> {
  const text = await readText(path);
  try {
    const document = parseDocument(text, { prettyErrors: false });
    const [error] = document.errors;
    if (error) throw new UsageError(yamlProblem(text, error));
    return document.toJS();
  } catch (cause) {
    throw invalid(path, "YAML", cause); // too many aliases, or too deep
  }
}

async function readJson(path: string): Promise<unknown> {
  const text = await readText(path);
  const value = text.trim() === "" ? undefined : parseJson(path, text);
  // A result of a run was written by a program, and may be large.
  if (isRecord(value) && value.schema === undefined) {
    const duplicate = yamlErrors(text).find(({ code }) =>
      code === "DUPLICATE_KEY"
    );
    if (duplicate) {
      throw new UsageError(
        `${path}: not valid JSON: ${yamlProblem(text, duplicate)}`,
      );
    }
  }
  return value;
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = messageOf(cause);
    const [error] = /\(line \d/.test(message) ? [] : yamlErrors(text);
    throw invalid(
      path,
      "JSON",
      error ? new UsageError(yamlProblem(text, error)) : cause,
    );
  }
}

function yamlErrors(text: string): readonly YAMLError[] {
  try {
    return parseDocument(text, { prettyErrors: false }).errors;
  } catch {
    return []; // too deep
  }
}

/** Describes an error by its rule and place. The text of the line is not shown, as it may hold a secret. */
function yamlProblem(text: string, { message, pos: [at] }: YAMLError): string {
  const lines = text.slice(0, at).split("\n");
  const rule = message.split(/: |"/)[0]!.trimEnd();
  return `${rule} at line ${lines.length} column ${lines.at(-1)!.length + 1}`;
}

/** The error is not passed on as the cause if it quotes the file, which may hold a secret. */
function invalid(path: string, format: string, cause: unknown): UsageError {
  const message = cause instanceof RangeError
    ? "nested too deeply"
    : messageOf(cause)
      .replace(/ in JSON at position \d+ \((.*)\)/, " at $1")
      .replace(/, (\.\.\.)?".*$/s, "");
  return new UsageError(`${path}: not valid ${format}: ${message}`);
}

/** The first line of a file of samples describes the run; the rest may be large. */
async function readFirstLine(path: string): Promise<unknown> {
  for await (const line of readSamples(path)) return line;
}

async function importConfig(path: string): Promise<unknown> {
  await readText(path);
  let module: Record<string, unknown>;
  try {
    const importing = import(pathToFileURL(resolve(path)).href);
    if (!await settlesWithin(IMPORT_MS, importing, systemClock())) {
      throw new Error(`not loaded within ${IMPORT_MS / 1000} s`);
    }
    module = await importing;
  } catch (cause) {
    // Without the lines of the source, which may hold a secret; they are in the cause too.
    const whole = stripColors(messageOf(cause));
    const reason = whole.split("\n").filter((line) => !/^[ \d]*\|/.test(line))
      .join("\n");
    throw new UsageError(
      `${path}: import failed: ${reason}`,
      reason === whole ? { cause } : {},
    );
  }
  if (module.default !== undefined) return module.default;
  throw new UsageError(
    `${path}: the default export must be a configuration, as in "export default defineConfig({ … })"`,
  );
}

/** Time for a module's top-level `await`. */
const IMPORT_MS = 30_000;

/**
 * Formats a configuration as YAML, with a comment beside each value that names its source: a flag, a file, or
 * `default`.
 */
export function formatConfig(
  config: RunConfig,
  sourceOf: (path: string) => string,
): string {
  const document = new Document(config);
  comment(document.contents, "", sourceOf);
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

function comment(
  node: unknown,
  path: string,
  sourceOf: (path: string) => string,
): void {
  if (isMap(node) && node.items.length > 0) {
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : String(key);
      comment(value, path === "" ? name : `${path}.${name}`, sourceOf);
    }
  } else if (isSeq(node) && node.items.some((item) => !isScalar(item))) {
    node.items.forEach((item, i) => comment(item, `${path}.${i}`, sourceOf));
  } else if (isScalar(node) || isSeq(node) || isMap(node)) {
    if (!isScalar(node)) node.flow = true;
    node.comment = ` ${sourceOf(path)}`;
  }
}
