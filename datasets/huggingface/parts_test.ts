import assert from "node:assert/strict";
import { choose, partsOf, usualConfigOf } from "./parts.ts";

const files = (...paths: string[]) =>
  paths.map((path) => ({ path, size: 1, contentId: path }));

/** Paths by `config/split`. */
function pathsOf(paths: string[], configs?: unknown): Record<string, string[]> {
  const parts = partsOf(files(...paths), configs);
  return Object.fromEntries(
    [...parts].flatMap(([config, splits]) =>
      [...splits].map(([split, found]) => [
        `${config}:${split}`,
        found.map(({ path }) => path),
      ])
    ),
  );
}

Deno.test("partsOf() finds splits by the names of files and folders", () => {
  for (
    const [paths, expected] of [
      [
        [
          "data/test-00000-of-00002.parquet",
          "data/test-00001-of-00002.parquet",
          "data/train-00000-of-00001-a1b2c3.parquet",
        ],
        {
          "default:test": [
            "data/test-00000-of-00002.parquet",
            "data/test-00001-of-00002.parquet",
          ],
          "default:train": ["data/train-00000-of-00001-a1b2c3.parquet"],
        },
      ],
      [
        [
          "clean/test/0000.parquet",
          "clean/test/0001.parquet",
          "all/train.clean.100/0000.parquet",
        ],
        {
          "all:train.clean.100": ["all/train.clean.100/0000.parquet"],
          "clean:test": ["clean/test/0000.parquet", "clean/test/0001.parquet"],
        },
      ],
      [
        ["en_us/test-00000-of-00001.parquet", "de/partial-train/0000.parquet"],
        {
          "de:train": ["de/partial-train/0000.parquet"],
          "en_us:test": ["en_us/test-00000-of-00001.parquet"],
        },
      ],
      [
        [
          "test.jsonl",
          "my_train_set.csv",
          "latest.json",
          "README.md",
          ".hidden.json",
          "dataset_infos.json",
        ],
        {
          "default:train": ["latest.json", "my_train_set.csv"],
          "default:test": ["test.jsonl"],
        },
      ],
      [["a/b.parquet"], { "a:train": ["a/b.parquet"] }],
      [["test/part-0.parquet"], { "default:test": ["test/part-0.parquet"] }],
      [["script.py", "README.md"], {}],
    ] as const
  ) assert.deepEqual(pathsOf([...paths]), expected, paths.join());
});

Deno.test("partsOf() finds splits by the configurations of the card", () => {
  const paths = [
    "x/a-1.parquet",
    "x/a-2.parquet",
    "x/b.parquet",
    "y/c.parquet",
  ];
  for (
    const [configs, expected] of [
      [
        [{
          config_name: "one",
          data_files: [
            { split: "test", path: "x/a-*" },
            { split: "dev", path: ["x/b.parquet", "./y/c.parquet"] },
          ],
        }],
        {
          "one:test": ["x/a-1.parquet", "x/a-2.parquet"],
          "one:dev": ["x/b.parquet", "y/c.parquet"],
        },
      ],
      [
        [{ config_name: "y", data_dir: "y" }, {
          config_name: "x",
          data_dir: "x/",
        }],
        {
          "y:train": ["y/c.parquet"],
          "x:train": ["x/a-1.parquet", "x/a-2.parquet", "x/b.parquet"],
        },
      ],
      [[{ data_files: "**/*.parquet" }], { "default:train": paths }],
      [[{ data_files: "x" }], { "default:train": paths.slice(0, 3) }],
      // A configuration without files is ignored.
      [[{ config_name: "z" }], pathsOf(paths)],
      ["nonsense", pathsOf(paths)],
      [[null, 7, { data_files: [{ path: 3 }] }], pathsOf(paths)],
    ] as const
  ) {
    assert.deepEqual(
      pathsOf(paths, configs),
      expected,
      JSON.stringify(configs),
    );
  }
});

Deno.test("choose() takes test, else the first split, of default or of the only configuration", () => {
  const dataset = "o/x";
  const parts = (...paths: string[]) => partsOf(files(...paths), undefined);
  const chosen = (...paths: string[]) => {
    const { config, split } = choose(parts(...paths), { dataset });
    return `${config}:${split}`;
  };
  assert.equal(chosen("train.csv", "test.csv"), "default:test");
  assert.equal(chosen("validation.csv", "train.csv"), "default:train");
  assert.equal(chosen("a/test.csv", "test.csv"), "default:test");
  assert.equal(chosen("a/train.csv"), "a:train");
  const usual = usualConfigOf([{ config_name: "a" }, {
    config_name: "b",
    default: true,
  }]);
  const { config } = choose(parts("a/x.csv", "b/x.csv"), { dataset, usual });
  assert.equal(config, "b");
});
