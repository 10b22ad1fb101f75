import type { Catalogue } from "./plugins/load.ts";

/**
 * The built-in plugins by kind and name. Each is imported when it is asked for, so that listing names costs nothing;
 * each import is a literal, so that a compiled binary holds them all.
 */
export const catalogue: Catalogue = {
  backend: {
    chat: async () => (await import("./backends/openai/chat.ts")).chat,
    completions: async () =>
      (await import("./backends/openai/completions.ts")).completions,
    responses: async () =>
      (await import("./backends/openai/responses.ts")).responses,
    embeddings: async () =>
      (await import("./backends/openai/embeddings.ts")).embeddings,
    realtime: async () =>
      (await import("./backends/realtime/realtime.ts")).realtime,
    transcriptions: async () =>
      (await import("./backends/openai/audio/transcriptions.ts"))
        .transcriptions,
    translations: async () =>
      (await import("./backends/openai/audio/transcriptions.ts")).translations,
    echo: async () => (await import("./backends/echo.ts")).echo,
  },
  dataset: {
    clips: async () => (await import("./datasets/clips.ts")).clips,
    "audio-folder": async () =>
      (await import("./datasets/audio_folder.ts")).audioFolder,
    jsonl: async () => (await import("./datasets/text.ts")).jsonlManifest,
    csv: async () => (await import("./datasets/text.ts")).csvManifest,
    text: async () => (await import("./datasets/text.ts")).textFile,
    sharegpt: async () => (await import("./datasets/sharegpt.ts")).sharegpt,
    huggingface: async () =>
      (await import("./datasets/huggingface/dataset.ts")).huggingface,
    trace: async () => (await import("./datasets/trace/dataset.ts")).trace,
    repeat: async () => (await import("./datasets/repeat.ts")).repeat,
    synthetic: async () =>
      (await import("./datasets/synthetic/dataset.ts")).synthetic,
  },
  reporter: {
    console: async () =>
      (await import("./reporters/console/console.ts")).consoleReporter,
    html: async () => (await import("./reporters/html/html.ts")).htmlReporter,
    json: async () => (await import("./reporters/json.ts")).jsonReporter,
    csv: async () => (await import("./reporters/csv.ts")).csvReporter,
    jsonl: async () => (await import("./reporters/jsonl.ts")).jsonlReporter,
    markdown: async () =>
      (await import("./reporters/markdown.ts")).markdownReporter,
    junit: async () => (await import("./reporters/junit.ts")).junitReporter,
  },
  load: {
    sync: async () => (await import("./loads/concurrent.ts")).sync,
    concurrent: async () => (await import("./loads/concurrent.ts")).concurrent,
    throughput: async () => (await import("./loads/concurrent.ts")).throughput,
    constant: async () => (await import("./loads/open_loop.ts")).constant,
    poisson: async () => (await import("./loads/open_loop.ts")).poisson,
    gamma: async () => (await import("./loads/open_loop.ts")).gamma,
    burst: async () => (await import("./loads/burst.ts")).burst,
    ramp: async () => (await import("./loads/ramp.ts")).ramp,
    steps: async () => (await import("./loads/steps.ts")).steps,
    users: async () => (await import("./loads/users.ts")).users,
    replay: async () => (await import("./loads/replay.ts")).replay,
    sweep: async () => (await import("./loads/sweep.ts")).sweep,
    search: async () => (await import("./loads/search.ts")).search,
  },
  dialect: {
    vllm: async () =>
      (await import("./backends/realtime/dialects/vllm.ts")).vllm,
  },
};
