/** The text in SRT or WebVTT: what stands under each line of times, tags left out. */
export function textOfCues(body: string): string {
  const lines = body.split(/\r\n|\r|\n/);
  const said: string[] = [];
  let isInCue = false;
  for (const line of lines) {
    if (isTimes(line)) isInCue = true;
    else if (line.trim() === "") isInCue = false;
    else if (isInCue) said.push(spoken(line));
  }
  return said.filter((line) => line !== "").join(" ");
}

/** Whether a body is SRT or WebVTT, by what stands in it. */
export function hasCues(body: string): boolean {
  return /^\uFEFF?WEBVTT(\s|$)/.test(body) || body.split("\n").some(isTimes);
}

/** `00:01:02,500 --> 00:01:04,000`: hours may be left out, and settings follow. */
function isTimes(line: string): boolean {
  return /^\s*(\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}\s*-->\s*(\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}/
    .test(line);
}

const CHARACTERS: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&nbsp;": " ",
  "&lrm;": "",
  "&rlm;": "",
};

/** A cue's line without its tags (`<v Ann>`, `<i>`, `<00:01.500>`), and with what WebVTT escapes. */
function spoken(line: string): string {
  return line.replace(/<\/?[a-z\d][^<>]*>/gi, "")
    .replace(/&\w+;/g, (name) => CHARACTERS[name] ?? name)
    .trim();
}
