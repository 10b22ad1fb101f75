/** What a column may hold. */
export type Role =
  | "audio"
  | "images"
  | "messages"
  | "texts"
  | "text"
  | "system"
  | "tools"
  | "toolResult"
  | "reference"
  | "answer"
  | "outputTokens"
  | "id"
  | "start"
  | "end"
  | "duration";

const PLACES: readonly string[] = [
  "filepath",
  "file",
  "filename",
  "path",
  "url",
  "uri",
  "data",
  "base64",
];

function placed(...names: readonly string[]): readonly string[] {
  return names.flatMap((name) => PLACES.map((place) => `${name}_${place}`));
}

const TIMES: readonly string[] = ["", "_s", "_sec", "_seconds", "_ms"];

function timed(...names: readonly string[]): readonly string[] {
  return names.flatMap((name) => TIMES.map((unit) => `${name}${unit}`));
}

/** What columns are called, by role, in lower case; the first that is there counts. */
export const NAMES: Readonly<Record<Role, readonly string[]>> = {
  audio: [
    ...["audio", "sound", "voice", "speech", "wav", "mp3"],
    ...["flac", "opus", "ogg", ...placed("audio", "wav")],
  ],
  images: [
    ...["image", "picture", "photo", "img"],
    ...placed("image", "picture", "photo", "img"),
  ],
  messages: [
    ...["messages", "chat_messages", "conversations", "conversation"],
    ...["chat", "dialogue", "dialog", "turns"],
  ],
  texts: ["texts", "inputs", "input", "sentences", "documents", "passages"],
  text: [
    ...["prompt", "instruction", "question", "input", "context", "content"],
    ...["conversation", "turn", "text"],
  ],
  system: ["system_prompt", "system", "prefix"],
  tools: ["tools", "functions", "tool_definitions"],
  toolResult: ["tool_result", "tool_response", "tool_output"],
  // Not what some other model once answered: to say it in other words is no error.
  reference: [
    ...["reference", "reference_text", "reference_transcript"],
    ...["ground_truth", "transcript", "transcription", "normalized_text"],
    ...["normalised_text", "text", "sentence"],
    ...["answer", "expected_answer", "expected_output", "target"],
  ],
  // What is put into the mouth of the model is for the user to say.
  answer: [],
  outputTokens: [
    ...["output_tokens_count", "completion_tokens_count", "output_tokens"],
    ...["completion_tokens", "max_output_tokens", "max_completion_tokens"],
    ...["max_new_tokens", "max_tokens", "output_len", "output_length"],
  ],
  id: [
    ...["id", "utterance_id", "utt_id", "utt", "uid", "key"],
    ...["conversation_id", "question_id", "prompt_id"],
  ],
  start: timed("offset", "start", "start_time", "begin", "begin_time"),
  end: timed("end", "end_time"),
  duration: timed("duration"),
};

/** Names that say where something is, and not what: they count where the values look like audio. */
export const WEAK_AUDIO_NAMES: readonly string[] = [
  ...["path", "file", "filepath", "file_path", "filename", "file_name", "url"],
];

/** What can be sent: one of these must be there. */
export const SENT: readonly Role[] = [
  ...["audio", "messages", "texts", "text", "images"] as const,
];
