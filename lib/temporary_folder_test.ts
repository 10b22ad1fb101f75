import assert from "node:assert/strict";
import { join } from "node:path";
import { removeAbandonedFolders, temporaryFolder } from "./temporary_folder.ts";

const ALL = {
  read: "inherit",
  write: "inherit",
  env: "inherit",
  sys: "inherit",
} as const;

/** Starts a process that holds a folder until it is killed. */
async function startOther(tmpdir: string) {
  const program = `
    const { temporaryFolder } = await import("${
    import.meta.resolve("./temporary_folder.ts")
  }");
    const { path } = await temporaryFolder("other");
    await Deno.mkdir(path + "/sub");
    await Deno.writeTextFile(path + "/sub/file", "x");
    console.log(path);
    setInterval(() => {}, 1000);
  `;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", program],
    cwd: new URL("..", import.meta.url),
    env: { TMPDIR: tmpdir, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await reader.read();
  return {
    path: value.trim(),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await reader.cancel();
    },
  };
}

Deno.test("temporaryFolder() is private, and is removed with its content", async () => {
  const folder = await temporaryFolder("test");
  await Deno.writeTextFile(join(folder.path, "file"), "x");
  if (Deno.build.os !== "windows") {
    assert.equal((await Deno.stat(folder.path)).mode! & 0o777, 0o700);
  }
  await folder[Symbol.asyncDispose]();
  await assert.rejects(Deno.stat(folder.path), Deno.errors.NotFound);
});

Deno.test({
  name:
    "removeAbandonedFolders() removes the folder of a process that was killed, and nothing else",
  ignore: Deno.build.os === "windows", // its temporary folder is not TMPDIR
  async fn() {
    const tmpdir = await Deno.makeTempDir();
    await using others = new AsyncDisposableStack();
    const other = others.use(await startOther(tmpdir));
    // Folders that must stay: those of other programs, links, and one that is still being created.
    const kept = ["earshot-user", "earshot-tmp-new", "else"];
    for (const name of kept) await Deno.mkdir(join(tmpdir, name));
    await Deno.writeTextFile(join(tmpdir, "earshot-user", "lock"), "");
    const elsewhere = await Deno.makeTempDir();
    await Deno.writeTextFile(join(elsewhere, "lock"), "");
    await Deno.symlink(elsewhere, join(tmpdir, "earshot-tmp-link"));
    try {
      await removeAbandonedFolders(tmpdir);
      assert.ok((await Deno.stat(join(other.path, "sub/file"))).isFile);
      await others.disposeAsync();
      await removeAbandonedFolders(tmpdir);
      await assert.rejects(Deno.stat(other.path), Deno.errors.NotFound);
      for (const name of kept) await Deno.stat(join(tmpdir, name));
      await Deno.stat(join(elsewhere, "lock"));
    } finally {
      await Deno.remove(tmpdir, { recursive: true });
      await Deno.remove(elsewhere, { recursive: true });
    }
  },
});

Deno.test("temporaryFolder() can be disposed of after another run removed it", async () => {
  const folder = await temporaryFolder("test");
  await Deno.remove(folder.path, { recursive: true });
  await folder[Symbol.asyncDispose]();
});

for (const permissions of [{ read: false }, { sys: false }, { env: false }]) {
  Deno.test({
    name: `removeAbandonedFolders() asks for no permission: ${
      JSON.stringify(permissions)
    }`,
    permissions: { ...ALL, ...permissions },
    async fn() {
      const { readDir } = Deno;
      let read = 0;
      Deno.readDir = (path) => {
        read++;
        return readDir(path);
      };
      try {
        await removeAbandonedFolders();
      } finally {
        Deno.readDir = readDir;
      }
      assert.equal(read, 0);
    },
  });
}

Deno.test("removeAbandonedFolders() ignores a folder that cannot be read", async () => {
  await removeAbandonedFolders("/nowhere/at/all");
});
