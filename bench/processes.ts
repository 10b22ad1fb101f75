/** Process of a server. */
export interface Sink extends AsyncDisposable {
  readonly url: string;
  /** Returns the processor time used so far. */
  cpuMs(): Promise<number>;
}

/** Starts a server, whose first line of output is its address. */
export async function startSink(script: string): Promise<Sink> {
  const process = command(script, []).spawn();
  const reader = process.stdout.pipeThrough(new TextDecoderStream())
    .getReader();
  let line = "";
  while (!line.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error("the server ended before it printed its address");
    line += value;
  }
  const url = line.trim();
  return {
    url,
    async cpuMs() {
      const response = await fetch(`${url}/stats`);
      return (await response.json()).cpuMs;
    },
    async [Symbol.asyncDispose]() {
      process.kill();
      await reader.cancel();
      await process.status;
    },
  };
}

/** Runs one client to its end and returns what it printed. */
export async function runClient<Job, Report>(
  script: string,
  job: Job,
): Promise<Report> {
  const { code, stdout } = await command(script, [JSON.stringify(job)])
    .output();
  if (code !== 0) {
    throw new Error(`the client process ended with exit code ${code}`);
  }
  return JSON.parse(new TextDecoder().decode(stdout));
}

function command(script: string, args: readonly string[]): Deno.Command {
  const path = new URL(script, import.meta.url).href;
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--frozen", path, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  });
}
