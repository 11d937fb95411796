/** Where the gateway of these examples is: `BASE_URL` and `API_KEY`, else what `npm start` wrote to `.local/demo.json`. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** Base URL (without `/v1`) and API key. */
export async function access(): Promise<{ baseUrl: string; apiKey: string }> {
  const { BASE_URL: baseUrl, API_KEY: apiKey } = process.env;
  if (baseUrl !== undefined && apiKey !== undefined) return { baseUrl, apiKey };
  const file = join(import.meta.dirname, "..", ".local", "demo.json");
  const text = await readFile(file, "utf8").catch(() => {
    throw new Error("Run `npm start` in another terminal first, or set BASE_URL and API_KEY.");
  });
  const written: unknown = JSON.parse(text);
  if (typeof written !== "object" || written === null) throw new Error(`${file} is not an object`);
  const { baseUrl: url, apiKey: key }: { baseUrl?: unknown; apiKey?: unknown } = written;
  return { baseUrl: String(url), apiKey: String(key) };
}
