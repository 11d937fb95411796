/**
 * Cache keys: a campaign over tenants that look alike (`npm run bench -- cache` runs a hundred times as many cases), shown
 * that it notices; and what the compiler says when a field of a tool's definition has no place.
 */

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { describe, expect, it } from "vitest";

import { campaignOfKeys } from "../../bench/cache/keys.ts";
import { resultKey, tenantScope } from "../../src/tools/cache/cache-key.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const ROOM = join(ROOT, "src", "tools", "cache");

describe("a campaign of cache keys", () => {
  it("finds no result of another tenant or of another question in 10,000 cases", async () => {
    const tally = await campaignOfKeys(10_000, 7);
    expect(tally).toMatchObject({ crossTenant: 0, crossQuestion: 0 });
    expect(tally.hits).toBeGreaterThan(1_000);
  });

  it("finds them when the tenant, or the locale, is left out of the key", async () => {
    const everybody = tenantScope({ tenantId: "everybody" });
    if (everybody === null) throw new Error("no scope");
    const shared = await campaignOfKeys(10_000, 8, (_scope, tool, inputs) =>
      resultKey(everybody, tool, inputs),
    );
    // The isolate's memory keeps tenants apart even then; KV does not.
    expect(shared.crossTenant).toBeGreaterThan(0);
    const deaf = await campaignOfKeys(10_000, 9, (scope, tool, inputs) =>
      resultKey(scope, tool, { ...inputs, locale: "" }),
    );
    expect(deaf.crossQuestion).toBeGreaterThan(0);
  });
});

describe("a field of a tool's definition", () => {
  it("that is neither in the key nor excluded by name does not compile, nor one that is left out of what is hashed", async () => {
    const source = await readFile(join(ROOM, "cache-key.ts"), "utf8");
    const plants = {
      "as-it-is": source,
      undecided: source.replace(/^ {2}output: "in the key",\n/m, ""),
      excluded: source.replace(/^ {2}effect: ".*",\n/m, ""),
      unhashed: source
        .replace(
          "const { http, builtin, mcp, output, cache }",
          "const { http, builtin, mcp, cache }",
        )
        .replace(/^ {4}output,\n/m, ""),
    };
    await mkdir(join(ROOT, ".wrangler"), { recursive: true });
    const directory = await mkdtemp(join(ROOT, ".wrangler", "planted-keys-"));
    try {
      const files = Object.entries(plants).map(([name, text]) => ({ name: `${name}.ts`, text }));
      for (const { name, text } of files) {
        const moved = text.replaceAll('from "../../', `from "${join(ROOT, "src")}/`);
        await writeFile(join(directory, name), moved);
      }
      const config = {
        extends: join(ROOT, "tsconfig.json"),
        // Of the platform the keys use no more than a browser has too.
        compilerOptions: { types: [], lib: ["es2024", "dom"] },
        files: files.map(({ name }) => name),
        include: [],
      };
      await writeFile(join(directory, "tsconfig.json"), JSON.stringify(config));
      const refused = await compilerErrors(directory);
      expect(refused).toEqual(["excluded.ts", "undecided.ts", "unhashed.ts"]);
    } finally {
      await rm(directory, { recursive: true });
    }
  }, 60_000);
});

/** Files of a project that do not compile. */
async function compilerErrors(directory: string): Promise<readonly string[]> {
  const compiler = join(ROOT, "node_modules", ".bin", "tsc");
  const output = await promisify(execFile)(compiler, ["-p", directory, "--pretty", "false"], {
    cwd: directory,
  }).then(
    () => "",
    (error: unknown) =>
      typeof error === "object" && error !== null && "stdout" in error ? String(error.stdout) : "",
  );
  return [
    ...new Set([...output.matchAll(/^(\S+\.ts)\(/gm)].map(([, name = ""]) => name)),
  ].toSorted();
}
