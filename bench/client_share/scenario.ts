/** A load, and the server that it meets. */
export interface Scenario {
  readonly name: string;
  readonly backend: "chat" | "realtime";
  /** Arguments of `earshot serve`. */
  readonly server: readonly string[];
  /** Arguments of `earshot run`. */
  readonly run: readonly string[];
}

const CHAT = ["--backend", "chat"];
const PROMPTS = (outputTokens: number) => [
  "--data",
  `synthetic,inputTokens=32,outputTokens=${outputTokens},count=2000`,
];
const WARM = ["--warmup", "1s"];
const PACED = ["--set", "ttftMs=100", "--set", "itlMs=50"];
const AT_ONCE = ["--set", "ttftMs=0", "--set", "itlMs=0"];

/** Loads from an idle client to one that is saturated. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: "idle",
    backend: "chat",
    server: PACED,
    run: [...CHAT, ...PROMPTS(5), "--load", "concurrent=4", ...WARM],
  },
  {
    name: "burst",
    backend: "chat",
    server: PACED,
    run: [...CHAT, ...PROMPTS(20), "--load", "concurrent=256,spreadMs=0"],
  },
  {
    name: "cold, spread",
    backend: "chat",
    server: PACED,
    run: [...CHAT, ...PROMPTS(40), "--load", "concurrent=256"],
  },
  {
    name: "steady",
    backend: "chat",
    server: PACED,
    run: [...CHAT, ...PROMPTS(40), "--load", "concurrent=256", ...WARM],
  },
  {
    name: "many",
    backend: "chat",
    server: PACED,
    run: [...CHAT, ...PROMPTS(40), "--load", "concurrent=1024", ...WARM],
  },
  {
    name: "plain saturated",
    backend: "chat",
    server: AT_ONCE,
    run: [
      "--backend",
      "chat,stream=false",
      ...PROMPTS(8),
      "--load",
      "concurrent=64",
      ...WARM,
    ],
  },
  {
    name: "SSE saturated",
    backend: "chat",
    server: AT_ONCE,
    run: [...CHAT, ...PROMPTS(128), "--load", "concurrent=32", ...WARM],
  },
  {
    name: "idle",
    backend: "realtime",
    server: [],
    run: ["--load", "concurrent=8", ...WARM],
  },
  {
    name: "burst",
    backend: "realtime",
    server: [],
    run: ["--load", "concurrent=128,spreadMs=0"],
  },
  {
    name: "steady",
    backend: "realtime",
    server: [],
    run: ["--load", "concurrent=128", ...WARM],
  },
  {
    name: "many",
    backend: "realtime",
    server: [],
    run: ["--load", "concurrent=512", ...WARM],
  },
  {
    name: "batch saturated",
    backend: "realtime",
    server: ["--set", "tokenMs=0"],
    run: [
      "--backend",
      "realtime,speed=0,mode=batch",
      "--load",
      "concurrent=32",
      ...WARM,
    ],
  },
  {
    name: "unpaced saturated",
    backend: "realtime",
    server: ["--set", "tokenMs=0"],
    run: ["--backend", "realtime,speed=0", "--load", "concurrent=32", ...WARM],
  },
];
