/**
 * The package as somebody else gets it: packed, unpacked into an empty project, and used by its name alone, by the oldest
 * Node it promises and inside a Worker. The examples and every block of docs/library.md are run there, and type-checked.
 */

import { execFile } from "node:child_process";
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { basename, delimiter, join } from "node:path";
import { promisify } from "node:util";

import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const run = promisify(execFile);

const project = mkdtempSync(join(tmpdir(), "library-"));
const installed = join(project, "node_modules/toolformer-edge");

/** The system's own Node, which may be older than the one the tests run on. */
const node = (process.env["PATH"] ?? "")
  .split(delimiter)
  .filter((folder) => !folder.includes("node_modules"))
  .map((folder) => join(folder, "node"))
  .find((file) => existsSync(file));

async function runFile(name: string, source: string): Promise<string> {
  const file = join(project, `${name}.mjs`);
  writeFileSync(file, stripTypeScriptTypes(source));
  return (await run(node ?? process.execPath, [file], { cwd: project })).stdout;
}

function example(name: string): string {
  return readFileSync(join(ROOT, "examples/library", name), "utf8");
}

/** The blocks of the page, and what each promises to print. */
const BLOCKS = [
  ...readFileSync(join(ROOT, "docs/library.md"), "utf8").matchAll(/```ts\n(.*?)```/gs),
].map(([, source = ""]) => ({
  source,
  prints: source.split("\n").flatMap((line) => (line.startsWith("// ") ? [line.slice(3)] : [])),
}));

beforeAll(async () => {
  const { stdout } = await run("npm", ["pack", "--pack-destination", project], {
    cwd: ROOT,
    env: {
      ...process.env,
      PATH: `${join(ROOT, "node_modules/.bin")}${delimiter}${process.env["PATH"]}`,
    },
  });
  const tarball = join(project, stdout.trim().split("\n").at(-1) ?? "");
  mkdirSync(installed, { recursive: true });
  await run("tar", ["-xzf", tarball, "--strip-components=1", "-C", installed]);
  writeFileSync(join(project, "package.json"), '{"name":"project","type":"module","private":true}');
}, 120_000);
afterAll(() => rmSync(project, { recursive: true, force: true }));

describe("the packed library", () => {
  it("holds what it exports and nothing of the gateway", () => {
    const files = globSync("**/*", { cwd: installed });
    expect(files).toContain(join("dist", "library", "toolformer-edge.js"));
    expect(files.filter((file) => file.startsWith("src"))).toEqual([]);
    const modules = globSync("dist/library/*.js", { cwd: installed });
    const sources = modules.map((file) => readFileSync(join(installed, file), "utf8")).join("\n");
    // It stands alone: no package and no platform module is imported.
    const imported = sources.matchAll(
      /^(?:import\b[^"\n]*|export\b[^"\n]*|\} from )"([^"\n]+)";$|\bimport\("([^"\n]+)"\)/gm,
    );
    const names = [...imported].map(([, fixed, loaded]) => fixed ?? loaded ?? "");
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !name.startsWith("./"))).toEqual([]);
  });

  it("runs in the system's own Node", async () => {
    const version = await runFile("version", "console.log(process.versions.node);");
    const output = await runFile(
      "main",
      `import { defineTool, run } from "toolformer-edge";
       import { expectToolCalls } from "toolformer-edge/testing";
       const http = { method: "GET", url: "http://127.0.0.1:9/x" } as const;
       const input = { type: "object" };
       const tool = defineTool({ name: "t", description: "t", input, effect: "read", http, allowLoopback: true });
       const { results } = await run([{ tool }, { tool, arguments: { n: 1 } }], { tools: [tool] }).report();
       expectToolCalls(results).toBe("call_1", "call_2").maxConcurrentCalls(2);
       console.log(results.map(({ error }) => error?.code).join());`,
    );
    expect(output, `Node ${version}`).toBe("upstream_unreachable,upstream_unreachable\n");
  });

  it("takes a schema of zod, and gives the handler its type and its defaults", async () => {
    symlinkSync(join(ROOT, "node_modules/zod"), join(project, "node_modules/zod"));
    const output = await runFile(
      "zod",
      `import * as z from "zod";
       import { defineTool, run } from "toolformer-edge";
       const tool = defineTool({
         name: "add",
         description: "Adds",
         input: z.object({ a: z.number(), b: z.number().default(2) }),
         effect: "pure",
         handler: ({ a, b }) => a + b,
       });
       const { results } = await run([{ tool, arguments: { a: 40 } }], { tools: [tool] }).report();
       console.log(results[0]?.outputJson);`,
    );
    expect(output).toBe("42\n");
  });
});

describe("the examples", () => {
  it("limiter.ts paces calls and leaves a broken tool alone", async () => {
    const lines = (await runFile("limiter", example("limiter.ts"))).trim().split("\n");
    expect(lines).toEqual([
      "call_1 succeeded in its turn",
      "call_2 succeeded in its turn",
      "call_3 succeeded in its turn",
      "broken failed",
      "broken rate_limited",
    ]);
  });

  it("scorer.ts keeps the better search", async () => {
    expect(await runFile("scorer", example("scorer.ts"))).toBe(
      'archive: lost, score 0\nweb: won, score 1\n["tea ceremony in Kyoto"]\n',
    );
  });

  it("aggregator.ts makes a median and names who is missing", async () => {
    expect(await runFile("aggregator", example("aggregator.ts"))).toBe(
      'partial: {"median":14,"missing":["d"]}\n',
    );
  });

  it("predictor.ts has a call running before the model asks for it", async () => {
    expect(await runFile("predictor", example("predictor.ts"))).toBe(
      "Paris: 0 guessed, 0 right, nothing saved\nTokyo: 1 guessed, 1 right, time saved\n",
    );
  });

  it("provider.ts answers with its own model", async () => {
    expect(await runFile("provider", example("provider.ts"))).toBe(
      "I have 2 answers. (stop, 2 turns, 2 calls)\n",
    );
  });
});

describe("docs/library.md", () => {
  it.each(BLOCKS.map((block, index) => [index + 1, block] as const))(
    "block %i prints what it says",
    async (index, { source, prints }) => {
      expect(prints.length).toBeGreaterThan(0);
      expect((await runFile(`block-${index}`, source)).trim().split("\n")).toEqual(prints);
    },
  );

  it("has types: its blocks and the examples check against the packed declarations", async () => {
    const folder = join(project, "typed");
    mkdirSync(folder);
    for (const [index, { source }] of BLOCKS.entries())
      writeFileSync(join(folder, `block-${index}.ts`), source);
    for (const file of globSync("examples/library/*.ts", { cwd: ROOT }))
      cpSync(join(ROOT, file), join(folder, basename(file)));
    const options = { target: "es2024", module: "nodenext", strict: true, noEmit: true };
    const compilerOptions = {
      ...options,
      skipLibCheck: true,
      types: ["node"],
      typeRoots: [join(ROOT, "node_modules/@types")],
    };
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions, include: ["."] }),
    );
    writeFileSync(
      join(folder, "wrong.ts"),
      'import { defineTool } from "toolformer-edge";\nexport const tool = defineTool({ nmae: "x" });\n',
    );
    const { stdout } = await run(join(ROOT, "node_modules/.bin/tsc"), ["-p", folder]).catch(
      (error: { stdout: string }) => error,
    );
    // The planted mistake is found, and nothing else.
    const files = stdout.split("\n").flatMap((line) => /([\w-]+\.ts)\(/.exec(line)?.[1] ?? []);
    expect([...new Set(files)], stdout).toEqual(["wrong.ts"]);
  }, 60_000);
});

describe("inside a Worker", () => {
  it("the packed library runs calls side by side and aborts them when left", async () => {
    const options = convertV4MiniflareOptions({
      telemetry: { enabled: false },
      workers: [
        {
          name: "library",
          compatibilityDate: "2026-08-01",
          modules: [
            {
              type: "ESModule",
              path: "main.js",
              contents: `import { defineTool, run } from "./toolformer-edge.js";
            export default { async fetch() {
              let aborted = 0;
              const tool = defineTool({
                name: "sleep", description: "Sleeps", input: { type: "object" }, effect: "read",
                handler: async ({ ms }, { signal }) => {
                  signal.addEventListener("abort", () => (aborted += 1));
                  await new Promise((resolve) => setTimeout(resolve, ms));
                  return ms;
                },
              });
              const calls = [1, 2, 3].map((n) => ({ tool, arguments: { ms: 100 + n } }));
              const report = await run(calls, { tools: [tool] }).report();
              const before = aborted;
              for await (const event of run(calls, { tools: [tool] })) if (event.type === "call.started") break;
              const { status, results, durationMs, sequentialMs } = report;
              return Response.json({ status, outputs: results.map((each) => each.outputJson), isParallel: durationMs < sequentialMs, left: aborted - before > 0 });
            } };`,
            },
            ...globSync("dist/library/*.js", { cwd: installed }).map((file) => ({
              type: "ESModule" as const,
              path: basename(file),
              contents: readFileSync(join(installed, file), "utf8"),
            })),
          ],
        },
      ],
    });
    const worker = new Miniflare(options);
    try {
      const response = await worker.dispatchFetch("http://library/");
      expect(await response.json()).toEqual({
        status: "completed",
        outputs: ["101", "102", "103"],
        isParallel: true,
        left: true,
      });
    } finally {
      await worker.dispose();
    }
  });
});
