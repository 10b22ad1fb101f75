import {
  type Configured,
  type Dataset,
  type Reading,
  type Session,
  type Turn,
  UsageError,
} from "../plugins/mod.ts";

/** A dataset that is open, with its name for errors. */
interface Opened {
  readonly name: string;
  readonly dataset: Dataset;
}

/**
 * Combines datasets: the first sessions of all become one session, then the second, and so on up to the end of the
 * shortest dataset. Turns with the same number are merged, so that the turn has the columns of all. If two datasets set
 * the length of an answer, a pause or a recorded time, the later one takes effect.
 *
 * @example Usage
 * ```ts
 * import { clips, repeat, zip } from "@earshot/earshot";
 *
 * const dataset = zip([clips({}), repeat({ text: "What is said?" })]);
 * ```
 *
 * @throws {UsageError} When it is opened, if two of them have a column of the same name.
 */
export function zip(
  datasets: readonly Configured<"dataset">[],
): Configured<"dataset"> {
  return {
    kind: "dataset",
    name: "zip",
    options: datasets.map(({ name, options }) => ({ name, options })),
    parts: datasets,
    async open(context) {
      if (datasets.length === 0) {
        throw new UsageError("zip: needs at least one dataset");
      }
      await using stack = new AsyncDisposableStack();
      const opened: Opened[] = [];
      for (const configured of datasets) {
        const dataset = await configured.open(context);
        stack.defer(async () => await dataset[Symbol.asyncDispose]?.());
        opened.push({ name: configured.name, dataset });
      }
      const reading = { seed: 1, pass: 0, signal: context.signal };
      for await (const parts of together(opened, reading)) {
        const clash = clashIn(opened, parts);
        if (clash !== undefined) throw new UsageError(clash);
        break;
      }
      const held = stack.move();
      return {
        facts: factsOf(opened),
        isEndless: opened.every(({ dataset }) => dataset.isEndless),
        sessions: (reading) => zipped(opened, reading),
        [Symbol.asyncDispose]: () => held.disposeAsync(),
      };
    },
  };
}

function factsOf(datasets: readonly Opened[]): Record<string, unknown> {
  const finite = datasets.filter(({ dataset }) => !dataset.isEndless);
  const items = finite.map(({ dataset }) => dataset.facts?.["items"]);
  const isKnown = finite.length > 0 &&
    items.every((count) => typeof count === "number");
  return {
    datasets: datasets.map(({ name, dataset: { facts } }) => ({
      name,
      ...facts,
    })),
    ...(isKnown && { items: Math.min(...items) }),
  };
}

async function* zipped(
  datasets: readonly Opened[],
  reading: Reading,
): AsyncGenerator<Session> {
  for await (const parts of together(datasets, reading)) {
    const id = parts.map((part) => part.id).join("+");
    const problem = parts.find((part) => part.problem !== undefined)?.problem ??
      clashIn(datasets, parts);
    const startMs = parts.findLast((part) => part.startMs !== undefined)
      ?.startMs;
    yield {
      id,
      turns: problem === undefined ? turnsOf(parts) : [],
      ...(problem !== undefined && { problem }),
      ...(startMs !== undefined && { startMs }),
    };
  }
}

/** Reads the sessions of all in step, up to the end of the shortest. */
async function* together(
  datasets: readonly Opened[],
  reading: Reading,
): AsyncGenerator<readonly Session[]> {
  const readers = datasets.map(({ dataset }) =>
    dataset.sessions(reading)[Symbol.asyncIterator]()
  );
  try {
    while (!reading.signal.aborted) {
      const next = await Promise.all(readers.map((reader) => reader.next()));
      if (next.some(({ done }) => done)) return;
      yield next.map(({ value }) => value);
    }
  } finally {
    await Promise.all(readers.map((reader) => reader.return?.()));
  }
}

/** The problem of sessions that have the same column. */
function clashIn(
  datasets: readonly Opened[],
  parts: readonly Session[],
): string | undefined {
  const owners = new Map<string, number>();
  for (const [i, { turns }] of parts.entries()) {
    const names = turns.flatMap(({ columns }) =>
      Object.keys(columns).filter((name) => columns[name] !== undefined)
    );
    for (const column of new Set(names)) {
      const other = owners.get(column);
      if (other !== undefined) {
        return `zip: each column must be in one dataset only, but ${
          JSON.stringify(column)
        } is in ${labelOf(datasets[other]!)} and in ${
          labelOf(datasets[i]!)
        }; an empty 'columns.${column}' removes it from that of a file`;
      }
      owners.set(column, i);
    }
  }
  return undefined;
}

/** The name of a dataset with the file that it reads. */
function labelOf({ name, dataset: { facts } }: Opened): string {
  const path = facts?.["path"];
  return typeof path === "string" ? `${name} (${path})` : name;
}

function turnsOf(parts: readonly Session[]): Turn[] {
  const count = Math.max(...parts.map(({ turns }) => turns.length));
  return Array.from({ length: count }, (_, i) => {
    const turns = parts.flatMap(({ turns }) => turns[i] ?? []);
    const columns = Object.assign({}, ...turns.map(({ columns }) => columns));
    return Object.assign({}, ...turns, { columns });
  });
}
