/** Every example runs against the local world and prints what its header promises. */

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

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
});
