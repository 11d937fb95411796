/** Every example runs against the local world and prints what its header promises. */

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { isObject, listOf, parseJson, type UnknownObject } from "../../dev/http/json.ts";
import { startWorld, type World } from "../../dev/world.ts";

let world: World;

beforeAll(async () => {
  world = await startWorld({ onLog: () => undefined });
}, 120_000);
afterAll(() => world.close());

async function run(example: string, ...given: readonly string[]): Promise<string> {
  const file = join(import.meta.dirname, "../../examples", example);
  const env = { ...process.env, BASE_URL: world.baseUrl, API_KEY: world.apiKey };
  const { stdout } = await promisify(execFile)(process.execPath, [file, ...given], { env });
  return stdout;
}

function plain(value: unknown): UnknownObject {
  return isObject(value) ? value : {};
}

describe("examples", () => {
  it("chat.ts prints an answer made from the tools", async () => {
    const output = await run("chat.ts", "How is the weather in Berlin and New York?");
    expect(output).toContain('"city":"Berlin"');
    expect(output).toContain('"city":"New York"');
  });

  it("parallel-tools.ts prints the results in call order, a failed one among them", async () => {
    const output = await run("parallel-tools.ts");
    expect(output.startsWith("200\n")).toBe(true);
    const places = ["weather", "events", "dinner", "unknown_money"].map((id) =>
      output.indexOf(`"id": "${id}"`),
    );
    expect(places).toEqual(places.toSorted((left, right) => left - right));
    expect(Math.min(...places)).toBeGreaterThan(0);
    expect(output).toContain('"status": "partial"');
  });

  it("chain.ts prints what every construct and failure policy gives, as worked out in its header", async () => {
    const { results } = plain(parseJson(await run("chain.ts")));
    const outputs = Object.fromEntries(
      (Array.isArray(results) ? results : [])
        .map(plain)
        .map(({ id, output, error }) => [id, output ?? plain(error)["code"] ?? null]),
    );
    expect(outputs).toEqual({
      bill: { result: 1125 },
      bill_prices: [{ result: 24 }, { result: 40 }, { result: 60 }],
      bill_total: { result: 124 },
      bill_discount: { result: 31 },
      bill_surcharge: null,
      bill_doubled: { result: 32 },
      bill_broken_map: [{ result: 7 }, { result: 9 }],
      bill_ignored: null,
      bill_lent: { result: 1000 },
      bill_answer: { result: 1125 },
      bill_strict: "arguments_invalid",
    });
  });

  it("analyze-files.ts counts the lines of ten files in one call, and in parallel", async () => {
    const { chained, plain: parallel, counted } = plain(parseJson(await run("analyze-files.ts")));
    const [lines] = listOf(plain(chained), "results");
    expect(plain(lines)).toMatchObject({ status: "succeeded", output: counted });
    expect(parallel).toMatchObject({ status: "completed", aggregate: { policy: "best" } });
    expect(listOf(plain(parallel), "results")).toHaveLength(10);
    const { sequential_ms: sequentialMs, duration_ms: durationMs } = plain(parallel);
    expect(Number(sequentialMs)).toBeGreaterThan(2 * Number(durationMs));
  });

  it("research-plan.ts makes a plan of six dependent searches in exactly two model turns", async () => {
    const output = await run("research-plan.ts");
    expect(output).toContain("2 model turns, 6 tool calls");
    expect(output).toContain('"query":"Museums of Paris"');
    expect(output).not.toContain('"error"');
    const followed = output.split("\n").filter((line) => line.startsWith("- search: "));
    expect(followed).toHaveLength(6);
  });
});
